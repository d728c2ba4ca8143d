//! `$include` in configuration files.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{file, json5, keys, problem::ProblemKind};
use crate::defaults;

const INCLUDE: &str = "$include";

/// Puts the files that `tree` names in their places, for the members in `wanted` and for the top level itself.
///
/// As in OpenClaw: an object's `$include` is a file or a list of files, paths count from the file that names them, later
/// files are put over earlier ones, and the object's other members over all of them.
pub(super) fn resolve(tree: &mut Map<String, Value>, from: &Path, wanted: &[&str]) -> Includes {
    let mut includes = Includes { chain: vec![from.to_owned()], problems: Vec::new(), files: Vec::new() };
    expand(tree, &mut includes);
    for name in wanted {
        if let Some(Value::Object(section)) = tree.get_mut(*name) {
            walk(section, &mut includes);
        }
    }
    includes
}

/// What came of putting files in their places.
pub(super) struct Includes {
    pub(super) problems: Vec<ProblemKind>,
    /// The files that were named, whether or not they are there.
    pub(super) files: Vec<PathBuf>,
    /// The files that led to the one at hand, the one that names it last.
    chain: Vec<PathBuf>,
}

fn walk(tree: &mut Map<String, Value>, includes: &mut Includes) {
    expand(tree, includes);
    for value in tree.values_mut() {
        if let Value::Object(members) = value {
            walk(members, includes);
        }
    }
}

/// Replaces the `$include` of one object.
fn expand(tree: &mut Map<String, Value>, includes: &mut Includes) {
    let named = match tree.shift_remove(INCLUDE) {
        None => return,
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) if names.iter().all(Value::is_string) => {
            names.into_iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
        }
        Some(other) => {
            let expected = format!("a file name or a list of them for {INCLUDE}");
            includes.problems.push(ProblemKind::Mistyped { found: json5::describe(&other), expected });
            return;
        }
    };
    let mut members_named = Map::new();
    for name in named {
        match open(&name, includes) {
            Ok(members) => keys::merge(&mut members_named, members),
            Err(problem) => includes.problems.push(problem),
        }
    }
    keys::merge(&mut members_named, std::mem::take(tree));
    *tree = members_named;
}

fn open(name: &str, includes: &mut Includes) -> Result<Map<String, Value>, ProblemKind> {
    let chain = &includes.chain;
    let directory = chain.last().and_then(|path| path.parent()).unwrap_or(Path::new("/"));
    let path = directory.join(name);
    includes.files.push(path.clone());
    let failed = |cause: ProblemKind| ProblemKind::Include { path: path.clone(), cause: Box::new(cause) };
    // The depth ends a circle too, but a circle deserves its name.
    let same = |other: &PathBuf| other.canonicalize().ok() == path.canonicalize().ok();
    if path.exists() && chain.iter().any(same) {
        return Err(failed(ProblemKind::IncludesItself));
    }
    if chain.len() > defaults::MAX_CONFIG_INCLUDES {
        return Err(failed(ProblemKind::TooManyIncludes { limit: defaults::MAX_CONFIG_INCLUDES }));
    }
    let bytes = file::read(&path).map_err(failed)?.ok_or_else(|| failed(ProblemKind::Missing))?;
    let mut members = file::text(&bytes).and_then(json5::parse).map_err(failed)?.tree;
    includes.chain.push(path.clone());
    walk(&mut members, includes);
    includes.chain.pop();
    Ok(members)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resolved(files: &[(&str, &str)]) -> (Value, Vec<String>) {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let main = directory.path().join("openclaw.json");
        let mut tree = json5::parse(&std::fs::read_to_string(&main).unwrap()).unwrap().tree;
        let problems = resolve(&mut tree, &main, &["gateway"]).problems;
        let short =
            |problem: &ProblemKind| problem.to_string().replace(&format!("{}/", directory.path().display()), "");
        (Value::Object(tree), problems.iter().map(short).collect())
    }

    #[test]
    fn puts_files_in_their_places() {
        let (tree, problems) = resolved(&[
            (
                "openclaw.json",
                "{ $include: ['a.json', 'sub/b.json'], gateway: { bind: 'lan', tls: { $include: './tls.json' } }, agents: { $include: 'absent.json' } }",
            ),
            ("a.json", "{ gateway: { port: 1, bind: 'auto' }, x: 1 }"),
            ("sub/b.json", "{ gateway: { port: 2, $include: 'deep.json' } }"),
            ("sub/deep.json", "{ mode: 'local' } // counts from where it is named"),
            ("tls.json", "{ enabled: true }"),
        ]);
        assert_eq!(problems, [] as [&str; 0]);
        let gateway = json!({ "port": 2, "bind": "lan", "mode": "local", "tls": { "enabled": true } });
        assert_eq!(tree["gateway"], gateway);
        assert_eq!(tree["agents"], json!({ "$include": "absent.json" }), "other people's sections are not looked into");
    }

    #[test]
    fn says_what_is_wrong() {
        #[rustfmt::skip]
        let rows: Vec<(Vec<(&str, &str)>, &str)> = vec![
            (vec![("openclaw.json", "{ gateway: { $include: 'absent.json' } }")],
                "includes absent.json, which does not exist"),
            (vec![("openclaw.json", "{ gateway: { $include: 5 } }")],
                "found 5, expected a file name or a list of them for $include"),
            (vec![("openclaw.json", "{ $include: 'a.json' }"), ("a.json", "{ $include: './openclaw.json' }")],
                "includes ./openclaw.json, which leads back to itself"),
            (vec![("openclaw.json", "{ $include: 'a.json' }"), ("a.json", "{ x: ")],
                "includes a.json, which line 1, column 1: the file ends before what begins here is complete"),
        ];
        for (files, text) in rows {
            assert_eq!(resolved(&files).1, [text], "{files:?}");
        }
    }

    #[test]
    fn includes_nest_only_so_deep() {
        let names: Vec<String> = (0..20).map(|level| format!("{level}.json")).collect();
        let texts: Vec<String> = (1..21).map(|level| format!("{{ $include: '{level}.json' }}")).collect();
        let mut files = vec![("openclaw.json", "{ $include: '0.json' }")];
        files.extend(names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)));
        assert_eq!(resolved(&files).1, ["includes 10.json, which is the end of more than 10 includes"]);
    }
}
