//! `rm` removes what it names, by patterns too, and with --force what is damaged; never a file of somebody else. `gc` says what it
//! may not remove.

mod place;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use place::{Place, Running};

fn tags(place: &Place) -> Vec<String> {
    place.store().entries().unwrap().into_iter().map(|entry| entry.tag).collect()
}

fn make(place: &Place, tags: &[&str]) {
    for tag in tags {
        place.store().writer(tag).unwrap().write_slice(&[1_u8], &[1]).unwrap();
    }
}

#[test]
fn several_and_by_patterns() {
    let place = Place::new();
    make(&place, &["cam0", "cam1", "cam2", "pose", "a*", "ab", "left", "right"]);
    std::fs::write(place.directory().join("camera.txt"), "not ours").unwrap();
    let listed = |args: &[&str]| {
        let found = place.run(&[&["ls", "--json", "--look", "0"], args].concat()).good().json();
        found
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["tag"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&["cam[01]", "pose"]), ["cam0", "cam1", "pose"]);
    assert_eq!(
        (listed(&["a*"]), listed(&["a?"])),
        (vec!["a*".to_owned()], vec!["a*".to_owned(), "ab".to_owned()])
    );
    // Commands for one tag take a pattern that fits one.
    assert_eq!(place.run(&["cat", "p*"]).good().stdout, [1]);
    let ended = place.run(&["follow", "pos?", "--count", "1"]).good();
    assert_eq!(
        (ended.stdout, ended.stderr.as_str()),
        (vec![1], "ndsharray: pose: 1 value written, 0 missed\n")
    );
    let ended = place.run(&["cat", "cam*"]);
    assert!(ended.status.code() == Some(2) && ended.stderr.contains("fits 3 tags"), "{}", ended.stderr);
    place.run(&["rm", "cam?", "left", "cam0"]).good();
    assert_eq!(tags(&place), ["a*", "ab", "pose", "right"]);
    // The tag of that name alone; then the pattern.
    place.run(&["rm", "a*"]).good();
    assert_eq!(tags(&place), ["ab", "pose", "right"]);
    place.run(&["rm", "{a*,right}"]).good();
    assert_eq!(tags(&place), ["pose"]);

    // One that fails does not keep the others; each failure has its line.
    make(&place, &["x1", "x2", "x3"]);
    let _busy = [place.store().writer("x1").unwrap(), place.store().writer("x3").unwrap()];
    let ended = place.run(&["rm", "x*"]);
    assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(1), 2), "{}", ended.stderr);
    assert!(ended.stderr.contains("\"x1\"") && ended.stderr.contains("\"x3\""), "{}", ended.stderr);
    assert_eq!(tags(&place), ["pose", "x1", "x3"]);
    // A pattern that fits nothing removes nothing.
    let ended = place.run(&["rm", "pose", "nothing*"]);
    assert!(ended.status.code() == Some(2) && ended.stderr.contains("no tag fits"), "{}", ended.stderr);
    place.run(&["rm", "--force", "*"]).good();
    assert_eq!(tags(&place), [""; 0]);
    assert!(place.directory().join("camera.txt").exists());
}

#[test]
fn what_is_damaged_goes_with_force() {
    let place = Place::new();
    let damages: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes.truncate(8),
        |bytes| bytes.truncate(100),
        |bytes| bytes.truncate(5000),
        |bytes| bytes[30] ^= 0xff,
        // Both records.
        |bytes| (bytes[208..216].fill(0xff), bytes[232..240].fill(0xff)).1,
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        make(&place, &["a", "other"]);
        let path = place.directory().join("a");
        let mut bytes = std::fs::read(&path).unwrap();
        damage(&mut bytes);
        std::fs::write(&path, &bytes).unwrap();
        if number < 4 {
            let ended = place.run(&["rm", "a"]);
            assert_eq!(ended.status.code(), Some(1), "{number}: {}", ended.stderr);
            assert!(ended.stderr.contains("rm --force removes it"), "{number}: {}", ended.stderr);
            assert!(path.exists());
        }
        place.run(&["rm", "--force", "a"]).good();
        place.run(&["gc"]).good();
        let left: Vec<String> = place.names().into_iter().filter(|name| !name.contains("/other")).collect();
        assert_eq!(left, [""; 0], "{number}");
    }
    // Its data file is damaged or gone.
    for damage in
        [|path: PathBuf| std::fs::write(path, [0xff; 9000]), |path: PathBuf| std::fs::remove_file(path)]
    {
        make(&place, &["a"]);
        let data_file = place.store().stat("a").unwrap().value.unwrap().data_file;
        damage(place.directory().join(&data_file)).unwrap();
        place.run(&["rm", "--force", "a"]).good();
        assert_eq!(tags(&place), ["other"]);
    }
}

#[test]
fn what_is_not_ours_stays() {
    let place = Place::new();
    make(&place, &["a"]);
    let at = |name: &str| place.directory().join(name);
    let good = std::fs::read(at("a")).unwrap();
    let version = {
        let mut bytes = good.clone();
        bytes[8] = 9;
        bytes
    };
    std::fs::write(at("text"), "NDSH, but not ours").unwrap();
    std::fs::write(at("later"), version).unwrap();
    std::os::unix::fs::symlink(at("a"), at("link")).unwrap();
    for (tag, code, word) in [
        ("text", 2, "expected"),
        ("later", 2, "version of ndsharray that wrote it"),
        ("link", 2, "symbolic link"),
    ] {
        let ended = place.run(&["rm", "--force", tag]);
        assert_eq!(ended.status.code(), Some(code), "{tag}: {}", ended.stderr);
        assert!(ended.stderr.contains(word), "{tag}: {}", ended.stderr);
        assert!(at(tag).symlink_metadata().is_ok(), "{tag}");
    }
}

/// Runs the program as the user nobody, in a directory that everybody may write to; `None` if that is not possible here.
fn as_nobody(place: &Place, args: &[&str]) -> Option<place::Ended> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap()
    };
    mode(place.directory(), 0o777);
    mode(&place.file(""), 0o755);
    let program = place.file("program");
    if !program.exists() {
        // By another process: a program that this one has open for writing, or a fork of it, cannot be run.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_ndsharray")).arg(&program).status();
        assert!(copied.unwrap().success());
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    command.args(args).arg("--dir").arg(place.directory());
    Some(Running::start(command).finish())
}

#[test]
fn files_of_other_users_are_named_and_stay() {
    let test = "files_of_other_users_are_named_and_stay";
    let place = Place::new();
    let Some(ended) = as_nobody(&place, &["gc"]) else {
        place::skip(test, "needs root, to be another user");
        return;
    };
    assert_eq!(ended.good().text(), "0 files, 0 B removed\n");
    // Left over: a data file without a header, and an ephemeral tag whose writer was killed. Not: an array, and a file in use.
    let mut writer = place.store().writer_options("orphan").mode(0o644).open().unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let orphan = writer.data_file().unwrap();
    drop(writer);
    std::fs::remove_file(place.directory().join("orphan")).unwrap();
    make(&place, &["kept"]);
    std::fs::write(place.directory().join("foreign"), "not ours").unwrap();
    let mut pipe =
        place.command(&["pipe", "killed", "--dtype", "u1", "--shape", "1", "--ephemeral", "--mode", "644"]);
    pipe.stdin(std::process::Stdio::piped());
    let mut pipe = Running::start(pipe);
    std::io::Write::write_all(pipe.child.stdin.as_mut().unwrap(), b"x").unwrap();
    place::until("it writes", || place.store().stat("killed").is_ok_and(|stat| stat.value.is_some()));
    let found = || as_nobody(&place, &["gc", "--json"]).unwrap().good().json();
    let names = |found: &serde_json::Value| {
        let files = found["of_others"].as_array().unwrap();
        files.iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&found()), [orphan.as_str()], "the writer lives");
    pipe.child.kill().unwrap();
    pipe.child.wait().unwrap();
    let json = found();
    assert_eq!(names(&json), ["killed", &orphan]);
    let file = &json["of_others"][1];
    assert_eq!(
        (&file["owner"], &file["uid"], &json["removed"]),
        (&"root".into(), &0.into(), &serde_json::json!([]))
    );
    assert!(file["bytes"].as_u64().unwrap() > 0, "{json}");
    let text = as_nobody(&place, &["gc"]).unwrap().good().text();
    let said = "2 files of other users may be left over; only their owners, or root, may remove them:\n";
    assert!(text.contains(said) && text.contains(&format!("\n{orphan}  root, ")), "{text}");

    // A damaged header of another user is not to be removed by force.
    std::fs::write(place.directory().join("torn"), b"NDSHHEAD").unwrap();
    std::fs::set_permissions(place.directory().join("torn"), PermissionsExt::from_mode(0o666)).unwrap();
    let ended = as_nobody(&place, &["rm", "--force", "torn"]).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("torn") && place.directory().join("torn").exists(), "{}", ended.stderr);
    place.run(&["rm", "--force", "torn", "kept"]).good();
    // Root, the owner, removes it all.
    place.run(&["gc"]).good();
    assert_eq!(tags(&place), [""; 0]);
    assert!(!place.directory().join(orphan).exists());
}
