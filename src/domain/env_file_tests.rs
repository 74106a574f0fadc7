//! Every form in which people write an environment file. It must never hold a form that a shell and a dotenv library read in two ways
//! without saying which one is followed.

use proptest::prelude::*;

use super::*;

/// What is read, as `NAME=value`; the fault as `LINE:COLUMN reason`.
fn read(text: &str) -> (Vec<(String, String)>, Option<String>) {
    let (assignments, fault) = read_env(text.as_bytes());
    let pairs = assignments.into_iter().map(|assignment| (assignment.name, assignment.value)).collect();
    (pairs, fault.map(|fault| format!("{}:{} {}", fault.line, fault.column, fault.reason)))
}

#[test]
fn one_line_in_every_form() {
    let cases = [
        ("A=1", "1"),
        ("  A=1", "1"),
        ("A = 1 ", "1"),
        ("A\t=\t1\t", "1"),
        ("A=", ""),
        ("A= ", ""),
        ("A=''", ""),
        ("A=\"\"", ""),
        ("A: 1", "1"),
        ("export A=1", "1"),
        ("\texport\tA = 1", "1"),
        // Blanks inside.
        ("A=one two", "one two"),
        ("A='  one  '", "  one  "),
        ("A=\"  one  \"", "  one  "),
        // Remarks.
        ("A=1 # one", "1"),
        ("A=1\t#one", "1"),
        ("A= # none", ""),
        ("A=#fff", "#fff"),
        ("A=a#b", "a#b"),
        ("A='a # b' # c", "a # b"),
        ("A=\"a # b\"# c", "a # b"),
        // Quotes inside, and of the other kind.
        ("A=it's", "it's"),
        ("A=say \"hi\"", "say \"hi\""),
        ("A=\"it's\"", "it's"),
        ("A='say \"hi\"'", "say \"hi\""),
        ("A=`it's \"so\"`", "it's \"so\""),
        ("A={\"a\":1}", "{\"a\":1}"),
        // Escapes: in double quotes only.
        (r#"A="one\ntwo""#, "one\ntwo"),
        (r#"A="\t\r\\ \" \' \$ \`""#, "\t\r\\ \" ' $ `"),
        (r#"A="C:\dir\users""#, r"C:\dir\users"),
        (r"A='one\ntwo'", r"one\ntwo"),
        (r"A=one\ntwo", r"one\ntwo"),
        // Nothing is expanded.
        ("A=$HOME/${B:-c}`id`$(id)", "$HOME/${B:-c}`id`$(id)"),
        ("A=\"$HOME\"", "$HOME"),
        // Signs inside.
        ("A=b=c==", "b=c=="),
        ("A==", "="),
        ("A=https://x.y/z?q=1&r=2#there", "https://x.y/z?q=1&r=2#there"),
        ("A=größe ✓", "größe ✓"),
    ];
    for (text, expected) in cases {
        for ending in ["", "\n", "\r\n", "\r", "\n\n# end"] {
            let (pairs, fault) = read(&format!("{text}{ending}"));
            assert_eq!((pairs, fault), (vec![("A".to_owned(), expected.to_owned())], None), "{text:?} before {ending:?}");
        }
    }
}

#[test]
fn names_in_every_form() {
    for name in ["a", "_", "_A1", "SDP_HTTP_PORT", "spring.port", "MY-KEY", "export", "exported"] {
        assert_eq!(read(&format!("{name}=1")).0, [(name.to_owned(), "1".to_owned())], "{name}");
    }
    assert_eq!(read("export export=1").0[0].0, "export");
}

#[test]
fn values_over_several_lines() {
    let cases = [
        ("A=\"one\ntwo\"\nB=2", "one\ntwo"),
        ("A='one\r\ntwo' # remark\r\nB=2", "one\ntwo"),
        ("A=\"one\n\n  # no remark\nC=3\"\nB=2", "one\n\n  # no remark\nC=3"),
        ("A=\"one \\\n  two\"\nB=2", "one   two"),
        ("A=\"-----BEGIN KEY-----\nabc=\n-----END KEY-----\n\"\nB=2", "-----BEGIN KEY-----\nabc=\n-----END KEY-----\n"),
    ];
    for (text, expected) in cases {
        let expected = [("A".to_owned(), expected.to_owned()), ("B".to_owned(), "2".to_owned())];
        assert_eq!(read(text), (expected.to_vec(), None), "{text:?}");
    }
}

#[test]
fn the_last_one_counts() {
    let (assignments, fault) = read_env("\u{feff}A=1\nB=x\nexport A=\"2\"\nA = 3 # really\n".as_bytes());
    assert_eq!(fault, None);
    assert_eq!(value_of(&assignments, "A").map(|last| (last.value.as_str(), last.line, last.column)), Some(("3", 4, 1)));
    assert_eq!(value_of(&assignments, "C"), None);
}

#[test]
fn what_declares_nothing() {
    for text in ["", "\n", "  \n\t", "# remark", "  # remark", "\u{feff}", "\u{feff}# remark\r\n", "export A", "export A B # both", "#A=1"]
    {
        assert_eq!(read(text), (vec![], None), "{text:?}");
    }
}

#[test]
fn a_fault_has_its_place_and_a_way_out_and_hides_no_other_line() {
    let cases = [
        ("B=1\nhello there\nC=2", "2:7 an = is expected"),
        ("B=1\r\nhello\r\nC=2", "2:6 an = is expected"),
        ("B=1\n  =x\nC=2", "2:3 a variable's name is expected"),
        ("B=1\n1A=x\nC=2", "2:1 a variable's name is expected"),
        ("B=1\n'A'=x\nC=2", "2:1 a variable's name is expected"),
        ("B=1\nexport\nC=2", "2:7 an = is expected"),
        ("B=1\nA+=x\nC=2", "2:2 an = is expected"),
        ("B=1\nA=\"x\nC=2", "2:3 this quote is never closed; write a second \""),
        ("B=1\nA='x\nC=2", "2:3 this quote is never closed; write a second '"),
        ("B=1\nA='x' y\nC=2", "2:7 the value that begins with ' on line 2 ends before here"),
        ("B=1\nA=\"x\"\"y\"\nC=2", "2:6 the value that begins with \" on line 2 ends before here"),
        ("B=1\n ä=\0\nC=2", "2:2 a variable's name is expected"),
        ("B=1\n A=\0\nC=2", "2:2 A has a NUL character"),
        // Only the first one is told.
        ("B=1\nfirst\nC=2\nsecond", "2:6 an = is expected"),
    ];
    let rest = [("B".to_owned(), "1".to_owned()), ("C".to_owned(), "2".to_owned())];
    for (text, expected) in cases {
        let (pairs, fault) = read(text);
        let fault = fault.unwrap_or_default();
        assert!(fault.starts_with(expected), "{text:?}: {fault}");
        assert_eq!(pairs, rest, "{text:?}");
    }
}

#[test]
fn a_text_in_another_encoding_is_told() {
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("A=1".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(read_env(&utf16).1.map(|fault| fault.reason), Some("it is UTF-16 text; save it as UTF-8".to_owned()));
    let (assignments, fault) = read_env(b"A=1\nB=caf\xe9\nC=2");
    assert_eq!((assignments[0].name.as_str(), fault.map(|fault| (fault.line, fault.column))), ("A", Some((2, 6))));
    let (_, fault) = read_env(b"A='caf\xe9'");
    assert!(fault.is_some_and(|fault| fault.reason.contains("not UTF-8")));
}

#[test]
fn nothing_of_a_value_is_shown() {
    let (assignments, _) = read_env(b"A=hunter2");
    assert_eq!(format!("{assignments:?}"), "[A=… (line 1)]");
}

/// A value as `berth` would write it into double quotes.
fn in_double_quotes(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\r', "\\r").replace('\n', "\\n").replace('$', "\\$");
    format!("\"{escaped}\"")
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (assignments, fault) = read_env(&bytes);
        let lines = u32::try_from(bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count()).unwrap() + 1;
        prop_assert!(fault.is_none_or(|fault| (1..=lines).contains(&fault.line) && fault.column >= 1));
        for assignment in assignments {
            prop_assert!(assignment.name.chars().all(is_of_a_name) && !assignment.value.contains('\0'));
        }
    }

    #[test]
    fn what_looks_like_a_file_is_read_without_a_panic(text in "([A-C]|=|'|\"|\\\\|#| |\n|\r|export |:|\\$|\u{feff}|é|\0){0,60}") {
        let (_, fault) = read_env(text.as_bytes());
        prop_assert!(fault.is_none_or(|fault| !fault.reason.is_empty()));
    }

    #[test]
    fn a_quoted_value_comes_back(
        pairs in proptest::collection::vec(("[A-Za-z_][A-Za-z0-9_]{0,12}", "[^\0]{0,40}", any::<bool>()), 0..6),
        ending in prop_oneof![Just("\n"), Just("\r\n")],
    ) {
        let mut text = String::new();
        for (name, value, export) in &pairs {
            text.push_str(if *export { "export " } else { "" });
            text.push_str(&format!("{name}={} # 'remark\"{ending}", in_double_quotes(value)));
        }
        let expected: Vec<(String, String)> = pairs.into_iter().map(|(name, value, _)| (name, value)).collect();
        prop_assert_eq!(read(&text), (expected, None));
    }

    #[test]
    fn a_value_in_single_quotes_is_itself(value in "[^'\0\r]{0,40}") {
        prop_assert_eq!(read(&format!("A='{value}'")), (vec![("A".to_owned(), value)], None));
    }

    #[test]
    fn no_fault_repeats_what_stands_in_the_file(junk in "[=' \"#]{0,3}zq[0-9]{6}[=' \"#]{0,3}") {
        let (_, fault) = read(&format!("A='x' {junk}\n{junk} {junk}\nB='{junk}"));
        prop_assert!(fault.is_none_or(|fault| !fault.contains("zq")), "{junk}");
    }
}
