//! Every command's report has exactly the documented keys, and says the truth.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{EXIT, Folder, keys, program, sorted, square_input};

fn sum(object: &Value) -> u64 {
    object.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn execute_prove_and_verify_agree() {
    let folder = Folder::new();
    folder.write("input", square_input(3, 4));
    let output = "0x03000000000000001200000000000000";

    let executed = folder.report(&["execute", "square", "--input", "input", "--output", "out"]);
    let expected = "cycles exit_status output output_digest instructions precompiles touched_dwords seconds";
    assert_eq!(keys(&executed), sorted(expected));
    assert_eq!(executed["output"], output);
    assert_eq!(executed["exit_status"], 0);
    assert_eq!(executed["output_digest"].as_str().unwrap().len(), 66);
    assert_eq!(sum(&executed["instructions"]), executed["cycles"].as_u64().unwrap());
    let classes = "ADD ADDI LI LOGIC SHIFT CMPBR JALR MEM64 MEMSUB MUL DIVREM ECALL";
    assert_eq!(keys(&executed["instructions"]), sorted(classes));
    // The digest of the output.
    assert_eq!(executed["precompiles"]["KECCAK"], 1);
    assert_eq!(folder.read("out"), square_input(3, 18));

    let proven = folder.report(&["prove", "square", "--input", "input", "--proof", "proof"]);
    let expected = "vk cycles shards proof_bytes exit_status output seconds cpu_seconds peak_rss_bytes \
                    cells_committed fill phases";
    assert_eq!(keys(&proven), sorted(expected));
    assert_eq!((&proven["output"], &proven["cycles"]), (&executed["output"], &executed["cycles"]));
    assert_eq!(proven["proof_bytes"], folder.read("proof").len());
    assert!((0.0..=1.0).contains(&proven["fill"].as_f64().unwrap()), "{proven}");
    assert!(proven["phases"].as_object().unwrap().values().all(Value::is_f64), "{proven}");
    let peak = proven["peak_rss_bytes"].as_u64().unwrap();
    assert!((10 << 20..4 << 30).contains(&peak), "{proven}");

    let setup = folder.report(&["setup", "square"]);
    assert_eq!(keys(&setup), sorted("vk program_rows containers seconds"));
    assert!(setup["containers"].is_array() && setup["program_rows"].as_u64().unwrap() > 100, "{setup}");
    assert_eq!(setup["vk"], proven["vk"]);
    let programs = folder.report(&["programs"]);
    let programs = programs["programs"].as_array().unwrap();
    let square = programs.iter().find(|program| program["name"] == "square").unwrap();
    assert_eq!(square["vk"], proven["vk"]);
    assert!(square["size"].as_u64().unwrap() > 1000, "{square}");

    let vk = proven["vk"].as_str().unwrap();
    for statement in [["--program", "square"], ["--vk", vk], ["--vk", &vk[2..]]] {
        let verified =
            folder.report(&["verify", "--proof", "proof", "--output", "out", statement[0], statement[1]]);
        assert_eq!(keys(&verified), sorted("valid vk exit_status output seconds"));
        let claims = [&verified["valid"], &verified["vk"], &verified["exit_status"], &verified["output"]];
        assert_eq!(claims, [&json!(true), &proven["vk"], &json!(0), &json!(output)]);
        assert_eq!(folder.read("out"), square_input(3, 18));
    }
    let other = format!("0x{}", "01".repeat(32));
    let message = folder.fails(1, &["verify", "--proof", "proof", "--vk", &other]);
    assert!(message.contains(&other), "{message}");
}

#[test]
fn a_program_has_the_same_key_by_name_and_by_file() {
    let folder = Folder::new();
    folder.write("copy.elf", vellum_guests::find("fibonacci").unwrap().elf);
    let by_name = folder.report(&["setup", "fibonacci"]);
    let by_file = folder.report(&["setup", "copy.elf"]);
    assert_eq!(by_name["vk"], by_file["vk"]);
    assert_ne!(by_name["vk"], folder.report(&["setup", "square"])["vk"]);
}

#[test]
fn a_program_that_fails_is_reported_and_proven_but_not_accepted() {
    let folder = Folder::new();
    folder.write("input", "the reason");
    let executed = folder.run(&["execute", "panic", "--input", "input", "--json"]);
    assert_eq!(executed.code, 0);
    let report: Value = serde_json::from_str(&executed.stdout).unwrap();
    // It commits the first byte before it panics.
    assert_eq!((&report["exit_status"], &report["output"]), (&json!(1), &json!("0x74")));
    assert!(executed.stderr.contains("the reason"), "{}", executed.stderr);

    let proven = folder.report(&["prove", "panic", "--input", "input", "--proof", "proof"]);
    assert_eq!(proven["exit_status"], 1);
    let verify = ["verify", "--proof", "proof", "--program", "panic", "--output", "out"];
    let message = folder.fails(1, &verify);
    assert!(message.contains("status 1"), "{message}");
    assert!(!folder.path("out").exists());
    let verified = folder.report(&[&verify[..], &["--allow-failure"]].concat());
    assert_eq!((&verified["valid"], &verified["exit_status"]), (&json!(true), &json!(1)));
}

#[test]
fn signatures_are_written_word_by_word() {
    let folder = Folder::new();
    folder.write("exit.elf", program(&EXIT));
    let executed = folder.report(&["execute", "exit.elf", "--signature", "sig"]);
    assert_eq!(executed["cycles"], 3);
    assert_eq!((&executed["output"], &executed["output_digest"]), (&Value::Null, &Value::Null));
    assert_eq!(folder.read("sig"), b"55667788\n11223344\nddeeff00\n99aabbcc\n");
    folder.fails(2, &["execute", "square", "--signature", "none"]);
    assert!(!folder.path("none").exists());
}

#[test]
fn profiles_count_every_cycle() {
    let folder = Folder::new();
    folder.write("input", square_input(3, 4));
    let executed = folder.report(&["execute", "square", "--input", "input"]);
    let profile = folder.report(&["profile", "square", "--input", "input"]);
    assert_eq!(keys(&profile), ["functions"]);
    let functions = profile["functions"].as_array().unwrap();
    assert!(functions.iter().all(|function| keys(function) == ["cells", "cycles", "name"]), "{profile}");
    let total = |key: &str| functions.iter().map(|function| function[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(total("cycles"), executed["cycles"].as_u64().unwrap());
    assert!(total("cells") > 10 * total("cycles"), "{profile}");

    let folded = folder.run(&["profile", "square", "--input", "input"]);
    let weights = folded.stdout.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap());
    assert_eq!(weights.sum::<u64>(), total("cycles"));
}

#[test]
fn params_are_those_of_the_standard_profile() {
    let params = Folder::new().report(&["params"]);
    let expected = "proven_bits conjectured_bits terms queries log_blowup grinding_bits extension_degree";
    assert_eq!(keys(&params), sorted(expected));
    let terms = params["terms"].as_array().unwrap();
    assert!(terms.iter().all(|term| keys(term) == ["conjectured_bits", "name", "proven_bits"]));
    for bits in ["proven_bits", "conjectured_bits"] {
        let least = terms.iter().map(|term| term[bits].as_f64().unwrap()).fold(f64::INFINITY, f64::min);
        assert_eq!(params[bits], least);
        assert!(least >= 100.0, "{params}");
    }
    assert!(params["grinding_bits"].as_object().unwrap().values().all(Value::is_u64));
    assert_eq!((&params["extension_degree"], &params["log_blowup"]), (&json!(4), &json!(1)));
}

#[test]
fn reports_for_people_and_help_are_no_json() {
    let folder = Folder::new();
    for arguments in [&["params"][..], &["programs"], &["setup", "square"], &["--help"], &["--version"]] {
        let ran = folder.run(arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(ran.stdout.lines().next().is_some_and(|line| !line.starts_with('{')), "{}", ran.stdout);
    }
}

#[test]
fn files_are_replaced_where_links_lead_and_keep_ordinary_rights() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    folder.write("input", square_input(1, 2));
    folder.write("real", "old");
    std::os::unix::fs::symlink(folder.path("real"), folder.path("link")).unwrap();
    folder.report(&["execute", "square", "--input", "input", "--output", "link"]);
    assert!(fs::symlink_metadata(folder.path("link")).unwrap().is_symlink());
    assert_eq!(folder.read("real"), square_input(1, 8));
    let rights = |name| fs::metadata(folder.path(name)).unwrap().permissions().mode();
    folder.write("ordinary", "");
    assert_eq!(rights("real"), rights("ordinary"));
}
