//! `doctor` tells who holds the memory of removed files, and what is wrong with the directory itself; `ls` and `doctor`
//! tell which tags this user may not read.

mod place;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use place::{Place, Running, until};

#[test]
fn doctor_names_who_holds_removed_memory() {
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    writer.write_slice(&vec![1_u8; 8 << 20], &[8 << 20]).unwrap();
    // A reader in another process holds the value while its tag is removed.
    let (reader, stdout) = place::unshared_pipe();
    let stuck = Running::start_with_stdout(place.command(&["cat", "a"]), stdout.into());
    until("it holds the value", || place.store().stat("a").unwrap().value.unwrap().slots.pinned == 1);
    drop(writer);
    let clean = place.run(&["doctor", "--json"]).good().json();
    let of_ours = |found: &serde_json::Value| {
        let held = found["memory"]["held"].as_array().unwrap().clone();
        held.into_iter().filter(|held| held["pid"] == stuck.child.id()).collect::<Vec<_>>()
    };
    assert_eq!(of_ours(&clean).len(), 0, "the files still have their names");
    place.run(&["rm", "a"]).good();
    let found = place.run(&["doctor", "--json"]).good().json();
    let held = of_ours(&found);
    // The header and the data file.
    assert!(
        held.iter().any(|held| held["bytes"].as_u64().unwrap() >= 8 << 20 && held["command"] == "ndsharray"),
        "{found}"
    );
    assert!(held.iter().all(|held| held["file"].as_str().unwrap().contains('a')), "{found}");
    let text = place.run(&["doctor"]).good().text();
    assert!(
        text.contains(&format!("{}  ndsharray", stuck.child.id())) && text.contains("note     memory"),
        "{text}"
    );
    drop(reader);
    let pid = stuck.child.id();
    stuck.finish();
    let found = place.run(&["doctor", "--json"]).good().json();
    let held = found["memory"]["held"].as_array().unwrap();
    assert!(held.iter().all(|held| held["pid"] != pid), "{found}");
}

/// A new layout that fits gives the data file another name; a process that had it mapped sees the old name.
#[test]
fn a_recycled_data_file_is_not_removed() {
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    writer.write_slice(&[1_u8; 6], &[6]).unwrap();
    let reader = place.store().reader("a").unwrap();
    let held = reader.latest().unwrap();
    writer.write_slice(&[1_u8; 6], &[2, 3]).unwrap();
    let found = place.run(&["doctor", "--json"]).good().json();
    let files = found["memory"]["held"].as_array().unwrap();
    assert!(files.iter().all(|file| file["pid"] != std::process::id()), "{found}");
    assert_eq!(held.bytes(), [1; 6]);
}

#[test]
fn doctor_finds_what_is_wrong_with_the_place() {
    let place = Place::new();
    let levels = |found: &serde_json::Value, check: &str| -> Vec<(String, String, String)> {
        let text = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let findings =
            found["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == check);
        findings
            .map(|finding| (text(finding, "level"), text(finding, "found"), text(finding, "todo")))
            .collect()
    };
    let found = place.run(&["doctor", "--json"]).good().json();
    for check in ["filesystem", "room", "permissions", "RemoveIPC", "left over", "arrays", "memory"] {
        assert_eq!(levels(&found, check).len(), 1, "{check}: {found}");
    }
    assert_eq!(levels(&found, "filesystem")[0].0, "ok");

    std::fs::set_permissions(place.directory(), PermissionsExt::from_mode(0o777)).unwrap();
    std::fs::write(place.directory().join("torn"), b"NDSHHEAD").unwrap();
    let ended = place.run(&["doctor", "--json"]);
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(1), ""));
    for check in ["permissions", "arrays"] {
        let (level, _, todo) = levels(&ended.json(), check)[0].clone();
        assert!(level == "problem" && !todo.is_empty(), "{check}");
    }
    let text = place.run(&["doctor"]).text();
    assert!(
        text.contains("PROBLEM  permissions") && text.contains("chmod +t") && text.contains("torn"),
        "{text}"
    );
    std::fs::set_permissions(place.directory(), PermissionsExt::from_mode(0o700)).unwrap();

    // A disk, and a container's 64 MB that are nearly full; the latter needs a mount of its own.
    let disk = Command::new(env!("CARGO_BIN_EXE_ndsharray"))
        .args(["--dir", env!("CARGO_MANIFEST_DIR"), "doctor", "--json"])
        .output()
        .unwrap();
    let disk: serde_json::Value = serde_json::from_slice(&disk.stdout).unwrap();
    assert_ne!(levels(&disk, "filesystem")[0].0, "ok", "{disk}");
    let script = "mount -t tmpfs -o size=64m tmpfs \"$1\" && head -c 62000000 /dev/zero > \"$1/zero\" && \
                  exec \"$0\" --dir \"$1\" doctor --json";
    let mounted = |options: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(options)
            .args(["sh", "-c", script, env!("CARGO_BIN_EXE_ndsharray")])
            .arg(place.directory());
        Running::start(command).finish()
    };
    let mut ended = mounted(&["--mount"]);
    if ended.stdout.is_empty() {
        ended = mounted(&["--user", "--map-root-user", "--mount"]);
    }
    if ended.stdout.is_empty() {
        place::skip(
            "doctor_finds_what_is_wrong_with_the_place",
            "no mount namespaces here; needs root or user namespaces",
        );
        return;
    }
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    let found = ended.json();
    assert!(levels(&found, "size")[0].2.contains("--shm-size"), "{found}");
    assert_eq!(levels(&found, "room")[0].0, "problem");
    assert_eq!(levels(&found, "memory")[0].0, "ok", "df and ls agree: {found}");
    assert!(found["memory"]["whole_filesystem"].as_bool().unwrap());
}

#[test]
fn a_tag_that_this_user_may_not_read_is_listed() {
    let place = Place::new();
    let mut writer = place.store().writer("private").unwrap();
    writer.write_slice(&[1_u8; 5], &[5]).unwrap();
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap()
    };
    let root = rustix::process::geteuid().is_root();
    // Root may read everything, so it runs a copy of the program as the user nobody. Other users take their own permission
    // away.
    let program = place.file("program");
    // By another process: a program that this one has open for writing, or a fork of it, cannot be run.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_ndsharray")).arg(&program).status();
    assert!(copied.unwrap().success());
    if root {
        [place.directory(), &place.file("")].into_iter().for_each(|path| mode(path, 0o755));
    } else {
        mode(&place.directory().join("private"), 0o200);
    }
    let run = |args: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        let mut command = if root { command } else { Command::new(&program) };
        command.args(args).arg("--dir").arg(place.directory());
        Running::start(command).finish()
    };
    let text = run(&["ls"]).good().text();
    assert!(text.lines().nth(1).unwrap().starts_with("private  (not readable)"), "{text}");
    assert!(text.contains(&std::process::id().to_string()) && text.contains("private: "), "{text}");
    let found = run(&["ls", "--json"]).good().json();
    assert_eq!((&found[0]["tag"], &found[0]["writer_alive"]), (&"private".into(), &true.into()));
    assert_eq!(
        (&found[0]["damaged"], &found[0]["value"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
    assert_eq!(found[0]["uid"], rustix::process::geteuid().as_raw());
    assert!(found[0]["unreadable"].as_str().unwrap().contains("private"), "{found}");
    let text = run(&["doctor"]).good().text();
    assert!(text.contains("0 tags, none damaged; 1 more that this user may not read"), "{text}");

    mode(place.directory(), if root { 0o711 } else { 0o300 });
    let ended = run(&["doctor"]);
    mode(place.directory(), 0o700);
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(1), ""));
    let text = ended.text();
    assert!(
        text.contains("PROBLEM  arrays") && text.contains("-> run it as the directory's owner"),
        "{text}"
    );
}
