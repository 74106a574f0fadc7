//! Where new instances are placed, and that they are found there again.

use std::sync::Arc;

use super::*;
use crate::discover::Discoverer;
use crate::hand::Reader;

/// The configuration of this text, in which `OWN` is the account that runs the tests and `BASE` a directory.
fn config(base: &Path, text: &str) -> Config {
    let file = base.join("berth.toml");
    let own = nix::unistd::geteuid().to_string();
    std::fs::write(&file, text.replace("OWN", &own).replace("BASE", &base.display().to_string())).unwrap();
    Config::load(Some(&file)).unwrap()
}

const GUIDE: &str = "[layout]\nbase = \"BASE\"\n[template.default]\nrun_as = \"OWN\"\n[[discover]]\nconfig = \"BASE/other/*.json\"\n\
                     [[discover]]\nconfig = \"BASE/users/*/config/config.json\"\n";

fn plot(config: &Config, id: &str, template: Option<&str>, run_as: Option<&str>) -> Result<Plot> {
    Plotter::default().plot(config, &InstanceId::parse(id).unwrap(), template, run_as)
}

fn why(config: &Config, id: &str, template: Option<&str>, run_as: Option<&str>) -> String {
    plot(config, id, template, run_as).unwrap_err().chain()
}

#[test]
fn the_guides_layout_is_found_again() {
    let tree = tempfile::tempdir().unwrap();
    let config = config(tree.path(), GUIDE);
    let plot = plot(&config, "amy", None, None).unwrap();
    let users = tree.path().join("users");
    // The layout's own path, though another entry comes first.
    assert_eq!(plot.config, Spot { root: users.clone(), beneath: "amy/config/config.json".into() });
    assert_eq!((plot.form.clone(), plot.uid.0), (Form::Json, nix::unistd::geteuid().as_raw()));
    let needs: Vec<PathBuf> = plot.needs().iter().map(Spot::path).collect();
    let expected = ["amy/config", "amy/logs", "amy", "amy/workspace"].map(|name| users.join(name));
    assert_eq!(needs, expected);
    assert!(plot.needs().iter().all(|spot| spot.root == users), "what stands before the owner's name is the administrator's");
    let path = plot.config.path();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "{\"port\": 8101}").unwrap();
    let roster = Discoverer::new(Arc::new(config), Reader::start().unwrap()).scan().0;
    let found = &roster.instances[0];
    assert_eq!((&found.id, &found.config, found.uid, found.port), (&plot.id, &path, plot.uid, Some(8101)));
    assert_eq!((&found.workspace, &found.config_root), (&Some(plot.workspace.path()), &plot.config.root));
}

#[test]
fn an_environment_file_lies_where_its_entry_looks() {
    let tree = tempfile::tempdir().unwrap();
    let text = "[template.default]\nrun_as = \"OWN\"\n[template.desk]\ndirectory = \"{base}\"\n[[discover]]\nenv = \"BASE/.env.*\"\n\
                port_key = \"SDP_HTTP_PORT\"\ntemplate = \"desk\"\n";
    let config = config(tree.path(), text);
    let plot = plot(&config, "amy", Some("desk"), None).unwrap();
    assert_eq!(plot.config, Spot { root: tree.path().to_owned(), beneath: ".env.amy".into() });
    let Form::Env { port_key, host_key, examples } = &plot.form else { panic!("{:?}", plot.form) };
    assert_eq!((port_key.as_str(), host_key.as_str(), &examples[0]), ("SDP_HTTP_PORT", "SDP_HTTP_HOST", &PathBuf::from(".env.example")));
    // `users` belongs to all of them.
    assert_eq!(plot.workspace, Spot { root: tree.path().join("users"), beneath: "amy/workspace".into() });
    for name in ["example", "amy.bak", "dist"] {
        assert!(why(&config, name, Some("desk"), None).contains("Nothing would find it"), "{name}");
    }
    assert!(why(&config, "amy", None, None).contains("Nothing would find it"));
}

#[test]
fn names_need_a_pattern_that_captures_them() {
    let tree = tempfile::tempdir().unwrap();
    let own = config(tree.path(), GUIDE);
    assert!(why(&own, "amy/tools", None, None).contains("no [[discover]] looks for instances by name"));
    let text = "[layout]\nbase = \"BASE\"\nworkspace = \"BASE/w/{user}-{name}\"\n[template.default]\nrun_as = \"OWN\"\n[[discover]]\nconfig = \
                \"BASE/*/*/c.json\"\n";
    let named = config(tree.path(), text);
    assert_eq!(plot(&named, "amy/tools", None, None).unwrap().config.beneath, Path::new("amy/tools/c.json"));
    let default = plot(&named, "amy", None, None).unwrap();
    assert_eq!(default.config.beneath, Path::new("amy/default/c.json"));
    assert_eq!(default.workspace, Spot { root: tree.path().join("w"), beneath: "amy-default".into() });
}

#[test]
fn nobody_is_made_whom_discovery_would_take_for_another() {
    let tree = tempfile::tempdir().unwrap();
    let open = config(tree.path(), &GUIDE.replace("run_as = \"OWN\"\n", ""));
    assert!(why(&open, "no-such-account-1", None, None).contains("There is no account no-such-account-1"));
    assert!(why(&open, "amy", None, Some("no-such-account-1")).contains("There is no account no-such-account-1"));
    assert!(why(&open, "no-such-account-1", None, Some("root")).contains("would run as root"));
    // `nobody` is on every host.
    assert_eq!(plot(&open, "no-such-account-1", None, Some("nobody")).unwrap().account.unwrap().as_str(), "nobody");
    assert!(why(&open, "nobody", None, Some("root")).contains("It would run as nobody, not as root: it is the owner's own"));
    let own = config(tree.path(), GUIDE);
    let told = plot(&own, "amy", None, Some("nobody")).map(|plot| plot.uid.0);
    assert!(told.as_ref().is_ok_and(|uid| *uid == 65_534) || told.unwrap_err().chain().contains("run_as of its template says so"));
    assert!(why(&own, "amy", Some("defualt"), None).contains("There is no template defualt; did you mean \"default\"?"));
    let ports = config(tree.path(), &GUIDE.replace("[template", "log = \"BASE/{user}/{port}.log\"\n[template"));
    assert!(why(&ports, "amy", None, None).contains("[layout] log cannot be filled before the instance is there"));
}
