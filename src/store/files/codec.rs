//! The three files: from bytes to the parts of records, and back. Pure.

use std::{collections::BTreeMap, fmt};

use serde::{Serialize, Serializer as _, de::DeserializeOwned};
use serde_json::{ser::PrettyFormatter, value::RawValue};

use super::super::{DeviceRecord, Paired, Pending, Refused};
use crate::device::DeviceId;

/// One of the files in which the records lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Part {
    Paired,
    Pending,
    Refused,
}

impl Part {
    pub(super) const ALL: [Self; 3] = [Self::Paired, Self::Pending, Self::Refused];

    /// The file's name in the directory of the devices.
    pub(super) const fn file(self) -> &'static str {
        match self {
            Self::Paired => "paired.json",
            Self::Pending => "pending.json",
            Self::Refused => "refused.json",
        }
    }

    /// Whether two records differ in this part.
    pub(super) fn differs(self, one: &DeviceRecord, other: &DeviceRecord) -> bool {
        match self {
            Self::Paired => one.paired != other.paired,
            Self::Pending => one.pending != other.pending,
            Self::Refused => one.refused != other.refused,
        }
    }
}

/// What is wrong with a file, without any of its content: that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) what: &'static str,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {} column {}", self.what, self.line, self.column)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Syntax => "not JSON",
            serde_json::error::Category::Eof => "ends too early",
            serde_json::error::Category::Data | serde_json::error::Category::Io => "not of the right shape",
        };
        Self { what, line: error.line(), column: error.column() }
    }
}

/// An entry of a good file that is no record, as it stands there.
pub(super) type Stray = (String, Box<RawValue>);

/// What a file holds.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    pub(super) good: Vec<(DeviceId, T)>,
    pub(super) strays: Vec<Stray>,
}

impl<T> Default for Parsed<T> {
    fn default() -> Self {
        Self { good: Vec::new(), strays: Vec::new() }
    }
}

pub(super) fn parse_paired(bytes: &[u8]) -> Result<Parsed<Paired>, Fault> {
    parse(bytes, |key, paired: &Paired| key.parse().ok().filter(|device| paired.is_of(device)))
}

pub(super) fn parse_pending(bytes: &[u8]) -> Result<Parsed<Pending>, Fault> {
    parse(bytes, |key, pending: &Pending| {
        (key == pending.request.request_id.as_str()).then(|| pending.request.device_id.parse().ok()).flatten()
    })
}

pub(super) fn parse_refused(bytes: &[u8]) -> Result<Parsed<Refused>, Fault> {
    parse(bytes, |key, _: &Refused| key.parse().ok())
}

/// Reads a map of records; `device_of` says whose a record is, by its key and its content.
fn parse<T: DeserializeOwned>(
    bytes: &[u8],
    device_of: impl Fn(&str, &T) -> Option<DeviceId>,
) -> Result<Parsed<T>, Fault> {
    let entries: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(bytes)?;
    let mut parsed = Parsed::default();
    for (key, raw) in entries {
        let part = serde_json::from_str::<T>(raw.get()).ok();
        match part.and_then(|part| Some((device_of(&key, &part)?, part))) {
            Some(good) => parsed.good.push(good),
            None => parsed.strays.push((key, raw)),
        }
    }
    Ok(parsed)
}

/// Whether the file holds a token in clear, as those of OpenClaw's own gateways do.
pub(super) fn has_token_in_clear(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Record {
        #[serde(default)]
        tokens: BTreeMap<String, Token>,
    }
    #[derive(serde::Deserialize)]
    struct Token {
        token: Option<String>,
    }
    // Cheap for our own files, where the word never stands alone.
    let word = b"\"token\"";
    bytes.windows(word.len()).any(|window| window == word)
        && serde_json::from_slice::<BTreeMap<String, Box<RawValue>>>(bytes).is_ok_and(|entries| {
            entries
                .values()
                .filter_map(|raw| serde_json::from_str::<Record>(raw.get()).ok())
                .any(|record| record.tokens.values().any(|token| token.token.is_some()))
        })
}

/// The content of `part`'s file for these records.
pub(super) fn encode<'a>(part: Part, records: impl Iterator<Item = (&'a DeviceId, &'a DeviceRecord)>) -> Vec<u8> {
    match part {
        Part::Paired => {
            let mut all: Vec<_> =
                records.filter_map(|(device, record)| Some((device, record.paired.as_ref()?))).collect();
            all.sort_unstable_by_key(|(device, paired)| (paired.created_at_ms, *device));
            encode_map(all.into_iter().map(|(device, paired)| (device.to_string(), paired)))
        }
        Part::Pending => {
            let mut all: Vec<_> = records.filter_map(|(_, record)| record.pending.as_ref()).collect();
            all.sort_unstable_by_key(|pending| (pending.request.ts, &pending.request.request_id));
            encode_map(all.into_iter().map(|pending| (pending.request.request_id.to_string(), pending)))
        }
        Part::Refused => {
            let mut all: Vec<_> =
                records.filter_map(|(device, record)| Some((device, record.refused.as_ref()?))).collect();
            all.sort_unstable_by_key(|(device, refused)| (refused.refused_at_ms, *device));
            encode_map(all.into_iter().map(|(device, refused)| (device.to_string(), refused)))
        }
    }
}

/// The content of a file for entries that are kept aside.
pub(super) fn encode_strays(strays: &[Stray]) -> Vec<u8> {
    encode_map(strays.iter().map(|(key, raw)| (key.clone(), raw)))
}

fn encode_map<T: Serialize>(entries: impl Iterator<Item = (String, T)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, PrettyFormatter::new());
    serializer.collect_map(entries).expect("memory takes every byte, and all keys are texts");
    bytes
}
