//! Dotted keys in trees of values.

use serde_json::{Map, Value};

/// A tree that holds `value` at `key`.
pub(super) fn nest(key: &str, value: Value) -> Map<String, Value> {
    match key.split_once('.') {
        Some((first, rest)) => Map::from_iter([(first.to_owned(), Value::Object(nest(rest, value)))]),
        None => Map::from_iter([(key.to_owned(), value)]),
    }
}

/// The value at `key`.
pub(super) fn get<'a>(tree: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        Some((first, rest)) => get(tree.get(first)?.as_object()?, rest),
        None => tree.get(key),
    }
}

/// Takes the value at `key` out.
pub(super) fn remove(tree: &mut Map<String, Value>, key: &str) -> Option<Value> {
    match key.split_once('.') {
        Some((first, rest)) => remove(tree.get_mut(first)?.as_object_mut()?, rest),
        None => tree.shift_remove(key),
    }
}

/// Puts `upper` over `lower`: objects member by member, everything else as a whole.
pub(super) fn merge(lower: &mut Map<String, Value>, upper: Map<String, Value>) {
    for (name, value) in upper {
        match (lower.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            (_, value) => {
                lower.insert(name, value);
            }
        }
    }
}

/// Takes out every member that is `null`: it says that nothing is set.
pub(super) fn drop_nulls(tree: &mut Map<String, Value>) {
    tree.retain(|_, value| !value.is_null());
    for value in tree.values_mut() {
        if let Value::Object(inner) = value {
            drop_nulls(inner);
        }
    }
}

/// Calls `visit` with the dotted key of every value that is not an object.
pub(super) fn leaves(tree: &Map<String, Value>, visit: &mut impl FnMut(&str, &Value)) {
    fn walk(prefix: &str, tree: &Map<String, Value>, visit: &mut impl FnMut(&str, &Value)) {
        for (name, value) in tree {
            let key = join(prefix, name);
            match value {
                Value::Object(inner) => walk(&key, inner, visit),
                _ => visit(&key, value),
            }
        }
    }
    walk("", tree, visit);
}

/// `prefix.name`, or `name` at the top.
pub(super) fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tree(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn nests_finds_and_removes() {
        let mut made = nest("gateway.tls.enabled", json!(true));
        assert_eq!(Value::Object(made.clone()), json!({ "gateway": { "tls": { "enabled": true } } }));
        assert_eq!(get(&made, "gateway.tls.enabled"), Some(&json!(true)));
        for absent in ["gateway.tls.enabled.x", "gateway.port", "x"] {
            assert_eq!(get(&made, absent), None, "{absent}");
        }
        assert_eq!(remove(&mut made, "gateway.tls.enabled"), Some(json!(true)));
        assert_eq!(get(&made, "gateway.tls.enabled"), None);
    }

    #[test]
    fn merges_objects_and_replaces_the_rest() {
        let mut lower = tree(&json!({ "a": { "x": 1, "y": [1, 2] }, "b": 1 }));
        merge(&mut lower, tree(&json!({ "a": { "y": [3] }, "b": { "z": 1 } })));
        assert_eq!(Value::Object(lower), json!({ "a": { "x": 1, "y": [3] }, "b": { "z": 1 } }));
    }

    #[test]
    fn null_means_not_set() {
        let mut written = tree(&json!({ "a": null, "b": { "c": null, "d": [null] } }));
        drop_nulls(&mut written);
        assert_eq!(Value::Object(written), json!({ "b": { "d": [null] } }));
    }
}
