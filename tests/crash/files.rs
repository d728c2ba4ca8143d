//! The files of the store, as the kill left them and as the next start finds them.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Everything that may lie in the directory of the devices while a gateway runs.
const KNOWN: [&str; 4] = [".lock", "paired.json", "pending.json", "refused.json"];

/// Right after the kill: every file under its own name is whole.
pub fn are_whole(state: &Path) {
    for entry in fs::read_dir(state.join("devices")).expect("it was made at the first start") {
        let path = entry.expect("nobody writes to it now").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
        if KNOWN.contains(&name) && path.extension().is_some_and(|extension| extension == "json") {
            let text = fs::read_to_string(&path).expect("it is ours");
            let parsed = serde_json::from_str::<Value>(&text);
            assert!(parsed.as_ref().is_ok_and(Value::is_object), "{name}: {parsed:?}\n{text}");
        }
    }
}

/// After the restart: nothing was found damaged, and nothing half-written lies about.
pub fn are_sound(state: &Path, context: &dyn Fn() -> String) {
    let Ok(entries) = fs::read_dir(state.join("devices")) else { return };
    for entry in entries {
        let name = entry.expect("a directory of ours").file_name();
        let name = name.to_str().expect("a plain name");
        assert!(KNOWN.contains(&name), "{name} lies in the directory of the devices {}", context());
    }
}
