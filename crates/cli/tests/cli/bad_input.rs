//! Whatever a file or node holds: the documented exit code, one line, quickly, and nothing overwritten.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{EXIT, Folder, program, square_input};

const SPARSE: u64 = 10 << 30;
/// Far above what any of these takes, far below what reading 10 GB would.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Bytes that look like nothing.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(length)
    .collect()
}

/// Every command must fail with `code`, change no file and be quick.
fn all_fail(folder: &Folder, code: i32, commands: &[&[&str]]) {
    let before = folder_without_sparse(folder);
    for command in commands {
        let started = Instant::now();
        folder.fails(code, command);
        assert!(started.elapsed() < TIME_MAX, "{command:?} took {:?}", started.elapsed());
    }
    assert_eq!(folder_without_sparse(folder), before);
}

fn folder_without_sparse(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let names = std::fs::read_dir(folder.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> =
        names.filter(|name| !name.starts_with("sparse") && folder.path(name).is_file()).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), folder.read(&name))).collect()
}

#[test]
fn wrong_usage() {
    let folder = Folder::new();
    let commands: &[&[&str]] = &[
        &[],
        &["nonsense"],
        &["prove", "square"],
        &["execute", "square", "--nonsense"],
        &["execute", "square", "--max-cycles", "many"],
        &["verify", "--proof", "p"],
        &["verify", "--proof", "p", "--vk", "12"],
        &["verify", "--proof", "p", "--vk", "00", "--program", "square"],
        &["prove", "square", "--proof", "p", "--memory", "much"],
        &["new", "Not A Name"],
        &["new", "../up"],
        &["block", "fetch", "--number", "1"],
    ];
    all_fail(&folder, 2, commands);
    // Without JSON the explanation is on stderr alone.
    let ran = folder.run(&["nonsense"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
}

#[test]
fn programs_that_are_none() {
    let folder = Folder::new();
    let good = program(&EXIT);
    let mut other_machine = good.clone();
    other_machine[18] = 62;
    folder.write("old", "old");
    folder.write("empty", "");
    folder.write("noise", noise(100_000));
    folder.write("other-machine", other_machine);
    folder.sparse("sparse", SPARSE);
    for length in [4, 30, 63, 64, 100, good.len() - 20] {
        folder.write(&format!("truncated-{length}"), &good[..length]);
    }
    let names = [
        "missing",
        "no/folder",
        "empty",
        "noise",
        "other-machine",
        "sparse",
        ".",
        "/dev/null",
        "truncated-4",
    ];
    let lengths = [30, 63, 64, 100].map(|length| format!("truncated-{length}"));
    for name in names.into_iter().chain(lengths.iter().map(String::as_str)) {
        let commands: &[&[&str]] = &[
            &["execute", name, "--output", "old", "--signature", "old"],
            &["setup", name],
            &["prove", name, "--proof", "old"],
            &["profile", name],
            &["verify", "--proof", "old", "--program", name],
        ];
        all_fail(&folder, 2, commands);
    }
}

#[test]
fn inputs_that_are_missing_or_too_large() {
    let folder = Folder::new();
    folder.write("old", "old");
    folder.sparse("sparse", SPARSE);
    for name in ["missing", "sparse", "."] {
        let commands: &[&[&str]] = &[
            &["execute", "square", "--input", name, "--output", "old"],
            &["prove", "square", "--input", name, "--proof", "old"],
            &["profile", "square", "--input", name],
        ];
        all_fail(&folder, 2, commands);
    }
}

#[test]
fn proofs_that_are_none() {
    let folder = Folder::new();
    folder.write("input", square_input(3, 4));
    folder.report(&["prove", "square", "--input", "input", "--proof", "proof"]);
    let proof = folder.read("proof");
    let changed = |at: usize, with: u8| {
        let mut changed = proof.clone();
        changed[at] ^= with;
        changed
    };
    folder.write("empty", "");
    folder.write("noise", noise(3_000_000));
    folder.write("noisy", [&proof[..8], &noise(3_000_000)].concat());
    folder.write("magic", changed(0, 1));
    folder.write("version", changed(8, 2));
    folder.write("key", changed(40, 1));
    folder.write("shards", changed(117, 0x80));
    folder.write("output-length", changed(160, 0x7f));
    folder.write("head", &proof[..150]);
    folder.write("half", &proof[..proof.len() / 2]);
    folder.write("short", &proof[..proof.len() - 1]);
    folder.write("long", [&proof[..], &[0]].concat());
    folder.write("twice", [&proof[..], &proof[..]].concat());
    folder.write("beginning", changed(300, 1));
    folder.write("middle", changed(proof.len() / 2, 1));
    folder.write("end", changed(proof.len() - 5, 1));
    folder.sparse("sparse", SPARSE);
    folder.write("sparse-with-head", &proof[..180]);
    std::fs::OpenOptions::new()
        .write(true)
        .open(folder.path("sparse-with-head"))
        .unwrap()
        .set_len(1 << 28)
        .unwrap();
    let names = [
        "empty",
        "noise",
        "noisy",
        "magic",
        "version",
        "key",
        "shards",
        "output-length",
        "head",
        "half",
        "short",
        "long",
        "twice",
        "beginning",
        "middle",
        "end",
        "sparse",
        "sparse-with-head",
        "/dev/zero",
    ];
    let vk = folder.report(&["setup", "square"])["vk"].as_str().unwrap().to_owned();
    for name in names {
        all_fail(&folder, 1, &[&["verify", "--proof", name, "--vk", &vk, "--output", "input"]]);
    }
    let version = folder.fails(1, &["verify", "--proof", "version", "--vk", &vk]);
    assert!(version.contains("version 3"), "{version}");
    all_fail(&folder, 1, &[&["verify", "--proof", "proof", "--program", "fibonacci"]]);
    all_fail(
        &folder,
        1,
        &[&["block", "verify", "--proof", "empty"], &["block", "verify", "--proof", "proof"]],
    );
    for missing in ["missing", "."] {
        let commands: &[&[&str]] =
            &[&["verify", "--proof", missing, "--vk", &vk], &["block", "verify", "--proof", missing]];
        all_fail(&folder, 2, commands);
    }
}

#[test]
fn block_files_that_are_none() {
    let folder = Folder::new();
    let good = std::fs::read(crate::harness::repository("crates/block/testdata/demo.block")).unwrap();
    let mut version = good.clone();
    version[8] = 9;
    folder.write("old", "old");
    folder.write("empty", "");
    folder.write("noise", noise(5000));
    folder.write("version", version);
    folder.write("half", &good[..good.len() / 2]);
    folder.write("long", [&good[..], &[0]].concat());
    folder.sparse("sparse", SPARSE);
    for name in ["missing", ".", "empty", "noise", "version", "half", "long", "sparse"] {
        all_fail(&folder, 2, &[&["block", "execute", name], &["block", "prove", name, "--proof", "old"]]);
    }
}

#[test]
fn targets_that_cannot_be_written() {
    let folder = Folder::new();
    folder.write("input", square_input(3, 4));
    for target in [".", "no/folder/proof", "input/proof", ""] {
        let commands: &[&[&str]] = &[
            &["execute", "square", "--input", "input", "--output", target],
            &["prove", "square", "--input", "input", "--proof", target],
            &["block", "fetch", "--rpc", "http://127.0.0.1:1", "--number", "1", "--out", target],
        ];
        all_fail(&folder, 2, commands);
    }
    std::fs::create_dir(folder.path("there")).unwrap();
    folder.fails(2, &["new", "there"]);
    folder.fails(2, &["new", "input"]);
    assert_eq!(std::fs::read_dir(folder.path("there")).unwrap().count(), 0);
}

/// A node with a chain id and no blocks.
fn node_without_blocks() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(answer(stream))));
    url
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line)? > 2 {
            let header = line.to_ascii_lowercase();
            length =
                header.strip_prefix("content-length:").map_or(length, |value| value.trim().parse().unwrap());
            line.clear();
        }
        if line.is_empty() {
            return Ok(());
        }
        let mut request = vec![0; length];
        reader.read_exact(&mut request)?;
        let chain_id = String::from_utf8_lossy(&request).contains("eth_chainId");
        let result = if chain_id { "\"0x7a69\"" } else { "null" };
        let body = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{result}}}");
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
    }
}

#[test]
fn nodes_that_do_not_answer_or_lack_the_block() {
    let folder = Folder::new();
    folder.write("old", "old");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let closed = format!("http://{closed}");
    let node = node_without_blocks();
    let fetch = |url, number| ["block", "fetch", "--rpc", url, "--number", number, "--out", "old"];
    let urls = [fetch(&closed, "1"), fetch("not a url", "1"), fetch(&node, "5"), fetch(&node, "0")];
    all_fail(&folder, 2, &urls.each_ref().map(|command| &command[..]));
    let message = folder.fails(2, &fetch(&node, "5"));
    assert!(message.contains("block 5 does not exist"), "{message}");
}
