//! The fuzz targets without a fuzzer: the same assertions over mutations of the same seeds, the same ones in every run.
//!
//! `WAYPOST_FUZZ_SECONDS` is how long each target runs, one second unless it says otherwise. `make fuzz` drives the targets
//! by coverage instead.

use std::{
    fs, panic,
    path::Path,
    time::{Duration, Instant},
};

#[expect(unreachable_pub, reason = "the fuzzers' crate hands them on")]
mod targets;

/// Makes every run the same, but for how far it comes.
const SEED: u64 = 7;
/// Mutations of one input at most, each on top of the last.
const STEPS: usize = 8;
/// Bytes of an input at most.
const LONGEST: usize = 8 * 1024;

/// What parsers stumble over, and what these formats are made of.
const WORDS: [&str; 40] = [
    "\n",
    "\r\n",
    "\r",
    "\n\n",
    "data: ",
    "event: ",
    ":",
    "[DONE]",
    "null",
    "true",
    "{}",
    "[]",
    "\"\"",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    "-1",
    "0",
    "1e400",
    "-0.0",
    "18446744073709551616",
    "\\ud83d",
    "\\u0000",
    "\u{feff}",
    "😀",
    "\"error\":",
    "\"index\":4294967296",
    "\"index\":-1",
    "\"type\":",
    "\"usage\":",
    "\"content\":",
    "\"choices\":",
    "${KEY}",
    "&a ",
    "*a",
    "1e-324s",
    "= { ",
];

#[test]
fn sse_survives_mutation() {
    mutate("sse", targets::sse);
}

#[test]
fn adapters_survive_mutation() {
    mutate("adapters", targets::adapters);
}

#[test]
fn config_survives_mutation() {
    mutate("config", targets::config);
}

#[expect(clippy::disallowed_methods, reason = "how long to try is real time")]
fn mutate(name: &str, target: fn(&[u8])) {
    let seeds = seeds(name);
    let mut rng = fastrand::Rng::with_seed(SEED);
    let end = Instant::now() + seconds();
    let mut runs = 0_u64;
    for seed in &seeds {
        attempt(name, target, seed);
    }
    while Instant::now() < end {
        let mut input = seeds[rng.usize(..seeds.len())].clone();
        for _ in 0..rng.usize(1..=STEPS) {
            step(&mut input, &seeds, &mut rng);
        }
        input.truncate(LONGEST);
        attempt(name, target, &input);
        runs += 1;
    }
    assert!(runs > 0, "`WAYPOST_FUZZ_SECONDS` is too short for one run");
}

#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the library")]
fn seconds() -> Duration {
    let seconds = std::env::var("WAYPOST_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(1.0))
}

/// The seeds in the order of their names, so that a draw means the same everywhere.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fuzz").join(name);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

#[expect(clippy::print_stderr, reason = "the input that fails is what one needs to know")]
fn attempt(name: &str, target: fn(&[u8]), input: &[u8]) {
    if let Err(cause) = panic::catch_unwind(|| target(input)) {
        eprintln!("{name} fails on {:?}", String::from_utf8_lossy(input));
        panic::resume_unwind(cause);
    }
}

fn step(input: &mut Vec<u8>, seeds: &[Vec<u8>], rng: &mut fastrand::Rng) {
    let at = rng.usize(..=input.len());
    let until = (at + rng.usize(..=32)).min(input.len());
    match rng.u8(..7) {
        0 => drop(input.drain(at..until)),
        1 => drop(input.splice(at..at, input[at..until].to_vec())),
        2 => drop(input.splice(at..at, WORDS[rng.usize(..WORDS.len())].bytes())),
        3 => drop(input.splice(at..until, WORDS[rng.usize(..WORDS.len())].bytes())),
        4 => input.truncate(at),
        5 => {
            let other = &seeds[rng.usize(..seeds.len())];
            let from = rng.usize(..=other.len());
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => {
            if let Some(byte) = input.get_mut(at) {
                *byte = rng.u8(..);
            }
        }
    }
}
