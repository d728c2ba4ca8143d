//! Who is connected: the presence list and its version.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    auth::Principal,
    clock::now_ms,
    defaults::{
        MAX_DEVICE_TEXT_CHARS, MAX_PRESENCE_ENTRIES, MAX_PRESENCE_TAGS, MAX_PRESENCE_TEXT_CHARS, MAX_SCOPES,
        PRESENCE_TTL,
    },
    events::{Event, Hub, Versions},
    protocol::{ClientInfo, ClientMode, EventName, Json, PresenceEntry},
};

/// The presence list. Every change is told to the sessions that may read it.
#[derive(Debug, Clone)]
pub struct Presence {
    entries: Arc<Mutex<Vec<Keyed>>>,
    own: Arc<PresenceEntry>,
    versions: Arc<Versions>,
    hub: Hub,
}

#[derive(Debug)]
struct Keyed {
    key: String,
    entry: PresenceEntry,
    /// How many live sessions stand behind the entry: it does not age while there are any.
    sessions: usize,
}

/// Somebody who connected.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer<'a> {
    /// Who it is and what it may do.
    pub principal: &'a Principal,
    /// What its program says of itself.
    pub client: &'a ClientInfo,
    /// Names the connection.
    pub connection: &'a str,
    /// Its address; `None` for local clients.
    pub address: Option<IpAddr>,
}

/// A session that is present. Dropping it tells the others that it left.
#[derive(Debug)]
pub struct Present {
    presence: Presence,
    key: Option<String>,
}

impl Presence {
    /// A list that holds only the gateway itself, `own`.
    pub fn new(own: PresenceEntry, versions: Arc<Versions>, hub: Hub) -> Self {
        Self { entries: Arc::default(), own: Arc::new(own), versions, hub }
    }

    /// The entry of a gateway on `host`, reachable at `ip`.
    pub fn gateway_entry(host: &str, ip: &str) -> PresenceEntry {
        let version = env!("CARGO_PKG_VERSION");
        PresenceEntry {
            host: Some(host.to_owned()),
            ip: Some(ip.to_owned()),
            version: Some(version.to_owned()),
            platform: Some(std::env::consts::OS.to_owned()),
            mode: Some("gateway".into()),
            reason: Some("self".into()),
            text: Some(format!("Gateway: {host} ({ip}) · app {version} · mode gateway · reason self")),
            ts: now_ms(),
            ..PresenceEntry::default()
        }
    }

    /// Adds a session. Command lines, backends and probes come and go too fast to be listed.
    pub fn enter(&self, newcomer: Newcomer<'_>) -> Present {
        if matches!(newcomer.client.mode, ClientMode::Cli | ClientMode::Backend | ClientMode::Probe) {
            return Present { presence: self.clone(), key: None };
        }
        let key = match (&newcomer.principal.device, &newcomer.client.instance_id) {
            (Some(device), _) => device.to_string(),
            (None, Some(instance)) => instance.clone(),
            (None, None) => newcomer.connection.to_owned(),
        };
        self.change(|entries| {
            let entry = bounded(entry_of(newcomer));
            match entries.iter_mut().find(|known| known.key == key) {
                Some(known) => {
                    known.entry = entry;
                    known.sessions += 1;
                }
                None => entries.push(Keyed { key: key.clone(), entry, sessions: 1 }),
            }
        });
        Present { presence: self.clone(), key: Some(key) }
    }

    /// Writes what a `system-event` said. `key` names the machine that it speaks of.
    pub fn report(&self, key: String, entry: PresenceEntry) {
        let (key, entry) = (cut(key, MAX_DEVICE_TEXT_CHARS), bounded(entry));
        self.change(|entries| match entries.iter_mut().find(|known| known.key == key) {
            Some(known) => known.entry = merged(&known.entry, entry),
            None => entries.push(Keyed { key, entry, sessions: 0 }),
        });
    }

    /// The list, the gateway first, then newest first.
    pub fn list(&self) -> Vec<PresenceEntry> {
        let mut entries = self.lock();
        expire(&mut entries);
        self.listed(&entries)
    }

    fn leave(&self, key: &str) {
        self.change(|entries| {
            if let Some(known) = entries.iter_mut().find(|known| known.key == key) {
                known.sessions = known.sessions.saturating_sub(1);
                if known.sessions == 0 {
                    known.entry.reason = Some("disconnect".into());
                    known.entry.ts = now_ms();
                }
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Keyed>)) {
        let list = {
            let mut entries = self.lock();
            change(&mut entries);
            expire(&mut entries);
            self.listed(&entries)
        };
        let state_version = Some(self.versions.presence_changed());
        let payload = Json::of(&serde_json::json!({ "presence": list }));
        self.hub.publish(Event { name: EventName::Presence, payload, state_version });
    }

    fn listed(&self, entries: &[Keyed]) -> Vec<PresenceEntry> {
        let own = PresenceEntry { ts: now_ms(), ..(*self.own).clone() };
        std::iter::once(own).chain(entries.iter().map(|known| known.entry.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Keyed>> {
        // Changes are single statements on a vector: a panic elsewhere leaves it whole.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.presence.leave(key);
        }
    }
}

/// Newest first; what nobody stands behind ages, and the oldest give way.
fn expire(entries: &mut Vec<Keyed>) {
    let oldest = now_ms() - i64::try_from(PRESENCE_TTL.as_millis()).unwrap_or(i64::MAX);
    entries.retain(|known| known.sessions > 0 || known.entry.ts >= oldest);
    entries.sort_by_key(|known| std::cmp::Reverse(known.entry.ts));
    entries.truncate(MAX_PRESENCE_ENTRIES - 1);
}

fn entry_of(newcomer: Newcomer<'_>) -> PresenceEntry {
    let Newcomer { principal, client, address, .. } = newcomer;
    let host = client.display_name.clone().unwrap_or_else(|| client.id.as_str().to_owned());
    let mode = client.mode.as_str();
    PresenceEntry {
        ip: address.map(|address| address.to_string()),
        version: Some(client.version.clone()),
        platform: Some(client.platform.clone()),
        device_family: client.device_family.clone(),
        model_identifier: client.model_identifier.clone(),
        mode: Some(mode.to_owned()),
        reason: Some("connect".into()),
        text: Some(format!("Node: {host} · mode {mode}")),
        host: Some(host),
        ts: now_ms(),
        device_id: principal.device.as_ref().map(ToString::to_string),
        roles: Some(vec![principal.role]),
        scopes: Some(principal.scopes.clone()),
        instance_id: client.instance_id.clone(),
        ..PresenceEntry::default()
    }
}

/// Every session is sent the whole list at every change, so no entry may be of any length.
fn bounded(entry: PresenceEntry) -> PresenceEntry {
    let short = |text: Option<String>| text.map(|text| cut(text, MAX_DEVICE_TEXT_CHARS));
    PresenceEntry {
        host: short(entry.host),
        ip: short(entry.ip),
        version: short(entry.version),
        platform: short(entry.platform),
        device_family: short(entry.device_family),
        model_identifier: short(entry.model_identifier),
        mode: short(entry.mode),
        reason: short(entry.reason),
        device_id: short(entry.device_id),
        instance_id: short(entry.instance_id),
        text: entry.text.map(|text| cut(text, MAX_PRESENCE_TEXT_CHARS)),
        tags: entry
            .tags
            .map(|tags| tags.into_iter().take(MAX_PRESENCE_TAGS).map(|tag| cut(tag, MAX_DEVICE_TEXT_CHARS)).collect()),
        scopes: entry.scopes.map(|scopes| {
            let usual = scopes.iter().filter(|scope| scope.as_str().len() <= MAX_DEVICE_TEXT_CHARS);
            usual.take(MAX_SCOPES).cloned().collect()
        }),
        roles: entry.roles.map(|roles| roles.into_iter().take(MAX_SCOPES).collect()),
        ..entry
    }
}

fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
    text
}

/// What is known, with everything that the newer entry says in its place.
fn merged(known: &PresenceEntry, newer: PresenceEntry) -> PresenceEntry {
    PresenceEntry {
        host: newer.host.or_else(|| known.host.clone()),
        ip: newer.ip.or_else(|| known.ip.clone()),
        version: newer.version.or_else(|| known.version.clone()),
        platform: newer.platform.or_else(|| known.platform.clone()),
        device_family: newer.device_family.or_else(|| known.device_family.clone()),
        model_identifier: newer.model_identifier.or_else(|| known.model_identifier.clone()),
        mode: newer.mode.or_else(|| known.mode.clone()),
        last_input_seconds: newer.last_input_seconds.or(known.last_input_seconds),
        reason: newer.reason.or_else(|| known.reason.clone()),
        tags: newer.tags.or_else(|| known.tags.clone()),
        text: newer.text.or_else(|| known.text.clone()),
        ts: newer.ts,
        device_id: newer.device_id.or_else(|| known.device_id.clone()),
        roles: newer.roles.or_else(|| known.roles.clone()),
        scopes: newer.scopes.or_else(|| known.scopes.clone()),
        instance_id: newer.instance_id.or_else(|| known.instance_id.clone()),
    }
}
