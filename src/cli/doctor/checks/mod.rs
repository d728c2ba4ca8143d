//! The checks: from facts to findings. Pure.

mod files;
mod running;
mod settings;
#[cfg(test)]
mod tests;
mod trust;

use super::{facts::Facts, finding::Finding};

/// A check.
type Check = fn(&Facts, &mut Vec<Finding>);

/// Every check, by its subject.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("configuration", settings::configuration),
    ("secrets", settings::secrets),
    ("state directory", files::state),
    ("permissions", files::rights),
    ("disk space", files::disk),
    ("pairing records", files::records),
    ("clock", running::clock),
    ("certificate", settings::certificate),
    ("names", trust::names),
    ("trusted proxies", trust::proxies),
    ("trusted bridges", trust::bridges),
    ("what was seen", trust::seen),
    ("port", running::port),
    ("gateway", running::gateway),
    ("other gateways", running::others),
];

/// Runs every check.
pub(super) fn run(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, check) in CHECKS {
        check(facts, &mut findings);
    }
    // The worst first; of one kind in the order of the checks.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}
