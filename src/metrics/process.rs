//! The process, under the names that every Prometheus client uses.

use std::{fs, sync::OnceLock};

use nix::unistd::{SysconfVar, sysconf};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::gauge::ConstGauge,
};

#[derive(Debug)]
pub(super) struct ProcessGauges;

impl Collector for ProcessGauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, value) in [
            ("process_resident_memory_bytes", "Resident memory", resident_bytes()),
            ("process_open_fds", "Open file descriptors", open_files()),
            ("process_start_time_seconds", "Start of the process since the Unix epoch", start_time()),
        ] {
            let Some(value) = value else { continue };
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

fn system(variable: SysconfVar) -> Option<i64> {
    sysconf(variable).ok().flatten()
}

/// The second field of `/proc/self/statm`, in pages (proc(5)).
fn resident_bytes() -> Option<i64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(system(SysconfVar::PAGE_SIZE)?)
}

/// Without the one that counting opens.
fn open_files() -> Option<i64> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    i64::try_from(open.saturating_sub(1)).ok()
}

fn start_time() -> Option<i64> {
    static START: OnceLock<Option<i64>> = OnceLock::new();
    *START.get_or_init(|| {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The second field, the command in parentheses, may hold anything; the start is the twenty-second.
        let (_, fields) = stat.rsplit_once(')')?;
        let ticks: i64 = fields.split_ascii_whitespace().nth(19)?.parse().ok()?;
        let kernel = fs::read_to_string("/proc/stat").ok()?;
        let boot: i64 = kernel.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        Some(boot + ticks / system(SysconfVar::CLK_TCK)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20), "{:?}", resident_bytes());
        assert!(open_files().is_some_and(|open| open > 2), "{:?}", open_files());
        let now = jiff::Timestamp::now().as_second();
        assert!(start_time().is_some_and(|start| start <= now + 1 && start > now - 86_400), "{:?}", start_time());
    }
}
