//! Four Unix accounts, made for the test: a viewer, an operator, an approver, and one in no group. As root only.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use meterdeck::service::{interface::ErrorKind, socket};

use crate::{
    help::{PROGRAM, Rig, SITE, as_user, mode},
    requests::{ALL, parse},
};

/// In the child's environment: the data folder of the service that it asks everything.
const ASKS: &str = "METERDECK_TEST_ASKS_DIR";

/// Accounts and groups of this test; removed at its end.
struct Accounts {
    id: u32,
}

impl Accounts {
    /// Makes them; `None` where this process may not.
    fn new() -> Option<Self> {
        let tools = ["useradd", "groupadd", "gpasswd", "runuser"];
        let is_there = |tool: &&str| {
            ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|folder| Path::new(folder).join(tool).exists())
        };
        if !rustix::process::geteuid().is_root() || !tools.iter().all(is_there) {
            eprintln!("skipped: only root can make the accounts for this test (with useradd and runuser)");
            return None;
        }
        let accounts = Self { id: std::process::id() };
        for group in ["view", "op", "appr"] {
            run("groupadd", &[&accounts.name(group)]);
        }
        for (user, groups) in [("v", "view"), ("o", "view op"), ("a", "view op appr"), ("n", "")] {
            let user = accounts.name(user);
            run("useradd", &["--no-create-home", "--shell", "/bin/sh", &user]);
            for group in groups.split_whitespace() {
                run("gpasswd", &["--add", &user, &accounts.name(group)]);
            }
        }
        Some(accounts)
    }

    fn name(&self, what: &str) -> String {
        format!("mdt{}{what}", self.id)
    }
}

impl Drop for Accounts {
    fn drop(&mut self) {
        for user in ["v", "o", "a", "n"] {
            let _ = Command::new("userdel").arg(self.name(user)).stderr(Stdio::null()).status();
        }
        for group in ["view", "op", "appr"] {
            let _ = Command::new("groupdel").arg(self.name(group)).stderr(Stdio::null()).status();
        }
    }
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The child: sends every request there is, and says for each whether it was permitted.
#[test]
fn asks() {
    let Ok(dir) = std::env::var(ASKS) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = match socket::client::connect(dir.as_ref()).await {
            Ok(client) => client,
            Err(error) => return println!("ASKED none {error}"),
        };
        for (_, json) in ALL {
            let answer = client.requests.ask(parse(json)).await;
            let is_refused = answer.is_err_and(|error| error.kind == ErrorKind::NotPermitted);
            println!("ASKED {} {json}", if is_refused { "refused" } else { "permitted" });
        }
    });
}

/// A copy of a program where every user finds it.
fn for_all(program: &Path, folder: &Path) -> PathBuf {
    let copy = folder.join(program.file_name().unwrap());
    fs::copy(program, &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    copy
}

#[test]
fn each_account_may_do_what_its_groups_say_and_no_longer_than_it_is_in_them() {
    let Some(accounts) = Accounts::new() else { return };
    let access = format!(
        "[access]\nviewers = \"{}\"\noperators = \"{}\"\napprovers = \"{}\"\n",
        accounts.name("view"),
        accounts.name("op"),
        accounts.name("appr")
    );
    let rig = Rig::with(&format!("{SITE}\n{access}"));
    fs::set_permissions(rig.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (test, program) =
        (for_all(&std::env::current_exe().unwrap(), rig.folder.path()), for_all(Path::new(PROGRAM), rig.folder.path()));
    let _service = rig.poll_under("000", &[]);
    assert_eq!(mode(&rig.data()), 0o750);
    assert_eq!(mode(&socket::path_in(&rig.data())), 0o660);
    assert_eq!(mode(&rig.data().join("meterdeck.db")), 0o600);

    let asked = |user: &str| -> Output {
        let mut command = as_user(&accounts.name(user), &test, &["--exact", "accounts::asks", "--nocapture"]);
        command.env(ASKS, rig.data()).output().unwrap()
    };
    for (user, may) in [("v", vec!["v"]), ("o", vec!["v", "o"]), ("a", vec!["v", "o"]), ("n", vec![])] {
        let output = asked(user);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<&str> =
            text.lines().filter_map(|line| line.split_once("ASKED ")).map(|(_, line)| line).collect();
        if may.is_empty() {
            assert_eq!(lines, ["none you may not use the service there"], "{text}");
            continue;
        }
        let expected: Vec<String> = ALL
            .iter()
            .map(|(who, json)| format!("{} {json}", if may.contains(who) { "permitted" } else { "refused" }))
            .collect();
        assert_eq!(lines, expected, "{user}");
    }

    let command = |user: &str, arguments: &[&str]| {
        let data = rig.data();
        let all = [&["--data", data.to_str().unwrap()], arguments].concat();
        as_user(&accounts.name(user), &program, &all).output().unwrap().status.code()
    };
    assert_eq!(command("v", &["meters"]), Some(0));
    assert_eq!(command("v", &["record", "main", "note", "x"]), Some(77));
    assert_eq!(command("o", &["record", "main", "note", "by the operator"]), Some(0));
    assert_eq!(command("n", &["meters"]), Some(77));
    run("gpasswd", &["--delete", &accounts.name("o"), &accounts.name("op")]);
    assert_eq!(command("o", &["record", "main", "note", "y"]), Some(77), "removed from the group, at once");
    assert_eq!(command("o", &["meters"]), Some(0));
    let log = rig.prints(&["audit"]);
    assert!(log.contains(&accounts.name("o")) && log.contains("by the operator"), "{log}");
}
