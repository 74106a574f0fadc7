//! What is an instance's own, and what is not.

use super::*;
use crate::domain::{Form, Gid, Uid};
use crate::fixture;

fn spot(beneath: &str) -> Spot {
    Spot { root: "/srv/users".into(), beneath: beneath.into() }
}

fn plot(workspace: Spot) -> Plot {
    Plot {
        id: InstanceId::of_owner("zoe").unwrap(),
        uid: Uid(1),
        gid: Gid(1),
        groups: vec![Gid(1)],
        account: None,
        config: spot("zoe/config.json"),
        form: Form::Json,
        host: [127, 0, 0, 1].into(),
        workspace,
        log: spot("zoe/logs/server.log"),
        pid_file: spot("zoe/server.pid"),
    }
}

/// The fleet with a row of another instance's that has these.
fn with(workspace: &str, log: &str) -> Snapshot {
    let mut snapshot = fixture::fleet();
    let row = snapshot.rows.iter_mut().find(|row| row.declared.is_some()).unwrap();
    let mut declared = (**row.declared.as_ref().unwrap()).clone();
    (declared.workspace, declared.log) = (Some(workspace.into()), log.into());
    std::sync::Arc::make_mut(row).declared = Some(std::sync::Arc::new(declared));
    snapshot
}

#[test]
fn what_others_use_or_nobody_is_named_in_is_kept() {
    let own = spot("zoe/workspace");
    let counted = |plot: &Plot, snapshot: &Snapshot| {
        let (trees, logs, pids) = own_files(plot, snapshot);
        (trees.len(), logs.len(), pids.len())
    };
    let elsewhere = with("/srv/users/amy/workspace", "/srv/users/amy/server.log");
    assert_eq!(counted(&plot(own.clone()), &elsewhere), (1, 1, 1));
    for workspace in ["/srv/users/zoe/workspace", "/srv/users/zoe/workspace/of/amy"] {
        assert_eq!(counted(&plot(own.clone()), &with(workspace, "/x")), (0, 1, 1), "{workspace}");
    }
    assert_eq!(counted(&plot(own.clone()), &with("/x", "/srv/users/zoe/logs/server.log")), (1, 0, 1));
    // A path in which no instance is named is everybody's.
    assert_eq!(counted(&plot(Spot { root: "/srv/shared".into(), beneath: "".into() }), &elsewhere), (0, 1, 1));
    // Another's log in its workspace.
    assert_eq!(counted(&plot(own), &with("/x", "/srv/users/zoe/workspace/amy.log")), (0, 1, 1));
}
