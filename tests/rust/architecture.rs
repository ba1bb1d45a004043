//! The house keeps its shape: imports point down, the core knows no Python, no file grows past reading.
//!
//! The layers, lowest first; a module may import the layers below its own, and what its row names beside them.
//!
//! | layer | modules |
//! |---|---|
//! | words | `id` `error` `clock` `chat`: plain data that everyone speaks, among themselves as they like |
//! | facts and tools | `catalog` `transport` `state` `resilience`: what can be called, how bytes travel, how one tries |
//! | deciders | `signals` `policy` `select` `adapter`: pure functions |
//! | records | `trace` `accounting` `cache` `config`: what was decided, what it cost, what the user wrote |
//! | the loop | `router`, the only place where stages meet; `learn`, which no request passes |
//! | the loop in a glass | `simulate`: the same loop under a virtual clock, among providers that are made up |
//! | edges | `python` `gateway`: can be deleted |

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A layer's modules, and what one of them may import beside the layers below.
const LAYERS: [&[(&str, &[&str])]; 7] = [
    &[
        ("id", &["error", "clock", "chat"]),
        ("error", &["id", "clock", "chat"]),
        ("clock", &["id", "error", "chat"]),
        ("chat", &["id", "error", "clock"]),
    ],
    &[
        ("catalog", &[]),
        ("transport", &[]),
        ("state", &[]),
        // Its counters may be shared between processes; their keys mean nothing to it.
        ("resilience", &["state"]),
    ],
    &[
        ("signals", &[]),
        // Rules and scores read what is known about the request.
        ("policy", &["signals"]),
        ("select", &["signals"]),
        ("adapter", &[]),
    ],
    &[
        ("trace", &[]),
        ("accounting", &[]),
        ("cache", &[]),
        // Settings stand beside the code that reads them; `config` assembles them.
        ("config", &["trace", "accounting", "cache"]),
    ],
    &[("router", &[]), ("learn", &[])],
    &[("simulate", &[])],
    &[("python", &[]), ("gateway", &[])],
];

/// Lines of a file at most. A longer one is a folder that has not been made yet.
const LONGEST: usize = 600;

#[test]
fn imports_point_down() {
    let wrong: Vec<String> = sources()
        .iter()
        .flat_map(|source| {
            let reach = reach(&source.module);
            let arrows =
                imports(source).into_iter().filter(move |name| *name != source.module && !reach.contains(name));
            let arrows = arrows.filter(|name| known().contains(name.as_str()));
            arrows.map(|name| format!("{} ({}) imports `{name}`", source.path.display(), source.module))
        })
        .collect();
    assert!(wrong.is_empty(), "an arrow that points up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_layer() {
    let unknown: BTreeSet<String> =
        sources().into_iter().map(|source| source.module).filter(|name| !known().contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "no layer for {unknown:?}: say in `LAYERS` where they belong");
}

#[test]
fn the_core_knows_no_python() {
    let wrong: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|source| source.module != "python")
        .filter(|source| source.code.contains("feature = \"python\"") || names_a_crate(&source.code, "pyo3"))
        .map(|source| source.path)
        .collect();
    assert!(wrong.is_empty(), "Python outside `src/python`: {wrong:?}");
}

#[test]
fn no_file_grows_past_reading() {
    let long: Vec<String> = files(&root().join("src"))
        .into_iter()
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, path)| format!("{} has {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn exceptions_have_a_reason_and_nothing_is_left_to_do() {
    let wrong: Vec<String> = files(&root().join("src"))
        .into_iter()
        .flat_map(|path| {
            let code = without_comments(&fs::read_to_string(&path).unwrap());
            let found = ["[allow(", "todo!(", "unimplemented!("].into_iter().filter(move |word| code.contains(word));
            found.map(|word| format!("{}: `{word}`", path.display())).collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let source = |module: &str, depth, code: &str| Source {
        path: PathBuf::new(),
        module: module.into(),
        depth,
        code: without_comments(code),
    };
    let found = imports(&source(
        "chat",
        2,
        "//! [`crate::router`]\nuse crate::{catalog::{Price, Model}, id, error::{Error, self}};\n\
         use super::{wire::Head, super::trace};\nfn f() -> crate::select::Scores { super::super::clock::now() }\n\
         use super::request; // crate::policy\n",
    ));
    let expected = ["catalog", "clock", "error", "id", "select", "trace"];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert_eq!(imports(&source("error", 1, "use super::id::{ProviderId};")).len(), 1);
}

/// A file of the library, without its tests and comments.
struct Source {
    path: PathBuf,
    /// The module of the first level that it belongs to.
    module: String,
    /// How many `super` lead to the crate's root.
    depth: usize,
    code: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files under `folder`, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
        .into_iter()
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// What the library is made of: no test files, no test modules, and not `lib.rs`, which lists the modules.
fn sources() -> Vec<Source> {
    let src = root().join("src");
    let files = files(&src);
    let tests: Vec<PathBuf> = files.iter().flat_map(|path| test_modules(path)).collect();
    files
        .into_iter()
        .filter(|path| *path != src.join("lib.rs"))
        .filter(|path| !tests.iter().any(|test| path.starts_with(test) || *path == test.with_extension("rs")))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let segments = module_path(path.strip_prefix(&src).unwrap());
            Source { module: segments[0].clone(), depth: segments.len(), code: without_comments(text), path }
        })
        .collect()
}

/// `router/mod.rs` and `router.rs` are `router`, `router/plan.rs` is `router`, `plan`.
fn module_path(file: &Path) -> Vec<String> {
    let file = file.with_extension("");
    file.iter().map(|name| name.to_string_lossy().into_owned()).filter(|name| name != "mod").collect()
}

/// The modules that a file declares for its tests alone, as paths without extension.
fn test_modules(path: &Path) -> Vec<PathBuf> {
    let home = if path.file_stem().is_some_and(|stem| stem == "mod") {
        path.with_file_name("")
    } else {
        path.with_extension("")
    };
    let text = fs::read_to_string(path).unwrap();
    let declared = text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
        let line = rest.lines().next()?;
        let name = line.trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ").strip_prefix("mod ")?;
        name.strip_suffix(';').map(|name| home.join(name))
    });
    declared.collect()
}

fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn names_a_crate(code: &str, name: &str) -> bool {
    code.contains(&format!("{name}::")) || code.contains(&format!("use {name};"))
}

/// The modules of the first level that a file names: by `crate::…`, or by as many `super` as lead there.
fn imports(source: &Source) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in source.code.match_indices("crate::") {
        // `$crate::` of a macro is the same crate; `other_crate::` is not.
        if !source.code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
            collect(&source.code[at + "crate::".len()..], 0, &mut found);
        }
    }
    for (at, _) in source.code.match_indices("super::") {
        if !source.code[..at].ends_with("::") {
            collect(&source.code[at..], source.depth, &mut found);
        }
    }
    found
}

/// Walks a path or a tree of paths, and keeps the names that stand after `supers` times `super`.
fn collect(text: &str, supers: usize, found: &mut BTreeSet<String>) {
    let text = text.trim_start();
    if let Some(inside) = text.strip_prefix('{') {
        for branch in branches(inside) {
            collect(branch, supers, found);
        }
        return;
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match (supers, name, rest.strip_prefix("::")) {
        (_, "super", Some(rest)) if supers > 0 => collect(rest, supers - 1, found),
        (0, name, _) if name.starts_with(|c: char| c.is_ascii_lowercase()) => drop(found.insert(name.to_owned())),
        // A path that ends inside the module, or its braces, in which a further `super` may stand.
        (_, _, _) => {}
    }
}

/// The parts between the commas of the outermost braces.
fn branches(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&text[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

/// All modules of the first level.
fn known() -> BTreeSet<&'static str> {
    LAYERS.iter().copied().flatten().map(|(name, _)| *name).collect()
}

/// What a module may import: every layer below, and what its row names.
fn reach(module: &str) -> BTreeSet<String> {
    let mut below = BTreeSet::new();
    for layer in LAYERS {
        if let Some((_, beside)) = layer.iter().find(|(name, _)| *name == module) {
            below.extend(beside.iter().map(|name| (*name).to_owned()));
            break;
        }
        below.extend(layer.iter().map(|(name, _)| (*name).to_owned()));
    }
    below
}
