//! What stands around a message of D-Bus: its head and its fields, made plain before the library reads them. Pure.
//!
//! It must never let through what the library takes for checked already: a name that is none would end the program.

use zbus::names::{ErrorName, InterfaceName, MemberName};
use zbus::zvariant::ObjectPath;

/// What every message begins with.
pub const HEAD: usize = 16;

/// How a message begins that was written on this machine.
pub const NATIVE: u8 = if cfg!(target_endian = "little") { b'l' } else { b'B' };

/// Fields' numbers: the D-Bus specification, "Header Fields".
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ERROR: u8 = 4;
const REPLY: u8 = 5;
const DESTINATION: u8 = 6;
const SENDER: u8 = 7;
const SIGNATURE: u8 = 8;
const DESCRIPTORS: u8 = 9;

/// Kinds of messages that a manager sends: it asks nobody.
const RETURNED: u8 = 2;
const FAILED: u8 = 3;
const SIGNAL: u8 = 4;

/// How long a message is that begins so, with its head; nothing where it begins as none from this machine.
pub fn length(head: &[u8; HEAD]) -> Option<usize> {
    let fields = HEAD.checked_add(word(head, 12)?)?.checked_next_multiple_of(8)?;
    fields.checked_add(word(head, 4)?).filter(|_| head[0] == NATIVE)
}

/// The same message, without whom it is from and for, which a connection of two has no use for; nothing where it is none that a manager
/// sends.
pub fn plain(message: &[u8]) -> Option<Vec<u8>> {
    let end = HEAD.checked_add(word(message, 12)?)?;
    let body = message.get(end.checked_next_multiple_of(8)?..)?;
    let mut plain = message.get(..HEAD)?.to_vec();
    let (mut at, mut has) = (HEAD, [false; 10]);
    while at < end {
        at = at.next_multiple_of(8);
        let field = field(message.get(..end)?, at)?;
        at = field.end;
        if matches!(field.code, DESTINATION | SENDER | DESCRIPTORS) {
            continue;
        }
        *has.get_mut(usize::from(field.code))? = true;
        plain.resize(plain.len().next_multiple_of(8), 0);
        plain.extend_from_slice(message.get(field.start..field.end)?);
    }
    let fields = u32::try_from(plain.len() - HEAD).ok()?;
    plain.get_mut(12..HEAD)?.copy_from_slice(&fields.to_ne_bytes());
    plain.resize(plain.len().next_multiple_of(8), 0);
    plain.extend_from_slice(body);
    let has = |codes: &[u8]| codes.iter().all(|code| has.get(usize::from(*code)).copied().unwrap_or_default());
    let is_one = match *message.get(1)? {
        RETURNED => has(&[REPLY]),
        FAILED => has(&[REPLY, ERROR]),
        SIGNAL => has(&[PATH, INTERFACE, MEMBER]),
        _ => false,
    };
    is_one.then_some(plain)
}

/// A field: its number, and where it is.
struct Field {
    code: u8,
    start: usize,
    end: usize,
}

/// The field that begins there, if it is what its number says. What comes before its value is as long for each: number, length, type, NUL.
fn field(fields: &[u8], start: usize) -> Option<Field> {
    let [code, 1, kind, 0] = *fields.get(start..start + 4)? else { return None };
    let value = start + 4;
    let text = |at: usize, length: usize| -> Option<(&str, usize)> {
        let end = at.checked_add(length)?;
        let text = std::str::from_utf8(fields.get(at..end)?).ok()?;
        (*fields.get(end)? == 0).then_some((text, end + 1))
    };
    let long = || text(value + 4, word(fields, value)?);
    let (is_right, end) = match (code, kind) {
        (PATH, b'o') => long().map(|(text, end)| (ObjectPath::try_from(text).is_ok(), end))?,
        (INTERFACE, b's') => long().map(|(text, end)| (InterfaceName::try_from(text).is_ok(), end))?,
        (MEMBER, b's') => long().map(|(text, end)| (MemberName::try_from(text).is_ok(), end))?,
        (ERROR, b's') => long().map(|(text, end)| (ErrorName::try_from(text).is_ok(), end))?,
        (DESTINATION | SENDER, b's') => long().map(|(_, end)| (true, end))?,
        (REPLY, b'u') => (word(fields, value)? > 0, value + 4),
        (DESCRIPTORS, b'u') => (true, value + 4),
        (SIGNATURE, b'g') => text(value + 1, usize::from(*fields.get(value)?)).map(|(_, end)| (true, end))?,
        _ => return None,
    };
    is_right.then_some(Field { code, start, end })
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_ne_bytes(four)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(code: u8, kind: u8, value: &str) -> Vec<u8> {
        let mut field = vec![code, 1, kind, 0];
        field.extend(u32::try_from(value.len()).unwrap().to_ne_bytes());
        field.extend(value.as_bytes());
        field.push(0);
        field
    }

    fn message(kind: u8, fields: &[Vec<u8>], body: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        for field in fields {
            all.resize(all.len().next_multiple_of(8), 0);
            all.extend(field);
        }
        let mut message = vec![NATIVE, kind, 0, 1];
        for word in [body.len(), 7, all.len()] {
            message.extend(u32::try_from(word).unwrap().to_ne_bytes());
        }
        message.extend(all);
        message.resize(message.len().next_multiple_of(8), 0);
        message.extend(body);
        message
    }

    fn signal() -> [Vec<u8>; 3] {
        [text(PATH, b'o', "/a/b"), text(INTERFACE, b's', "a.b"), text(MEMBER, b's', "Changed")]
    }

    #[test]
    fn whom_it_is_from_is_left_out_and_nothing_else() {
        let [path, interface, member] = signal();
        let sent = message(SIGNAL, &[path, text(SENDER, b's', "org.freedesktop.systemd1"), interface, member], b"body");
        let head: [u8; HEAD] = sent[..HEAD].try_into().unwrap();
        assert_eq!(length(&head), Some(sent.len()));
        assert_eq!(plain(&sent).unwrap(), message(SIGNAL, &signal(), b"body"));
    }

    #[test]
    fn what_is_no_name_and_what_no_manager_sends_does_not_come_through() {
        assert!(plain(&message(SIGNAL, &signal()[..2], b"")).is_none(), "it says nothing");
        assert!(plain(&message(1, &signal(), b"")).is_none(), "a question");
        for wrong in
            [text(PATH, b'o', "a"), text(INTERFACE, b's', "1"), text(MEMBER, b's', "a b"), text(ERROR, b's', ""), text(0, b's', "x")]
        {
            let fields: Vec<Vec<u8>> = signal().into_iter().chain([wrong]).collect();
            assert!(plain(&message(SIGNAL, &fields, b"")).is_none(), "{fields:?}");
        }
        let whole = message(SIGNAL, &signal(), b"body");
        for end in 0..whole.len() - 4 {
            assert!(plain(&whole[..end]).is_none_or(|plain| plain.len() >= HEAD), "{end}");
        }
    }
}
