//! Word of a change in the network that we stand in.

use std::io;

use netlink_sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE};
use nix::errno::Errno;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::debug;

use crate::defaults::{NETWORK_POLL, NETWORK_SETTLE, NETWORK_SETTLE_MAX};

/// The kernel's groups of notices (`RTMGRP_*` of its `rtnetlink.h`): links, and addresses and routes of both families.
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

/// Tells when the network may have changed: by the kernel's notices, or where those cannot be had now and then.
pub struct NetworkWatch {
    notices: Option<TokioSocket>,
    settling: Option<Settling>,
}

/// A change seldom comes alone: what is said when it is over, and at the latest.
#[derive(Debug, Clone, Copy)]
struct Settling {
    quiet: Instant,
    latest: Instant,
}

impl NetworkWatch {
    /// Watches from now on. To be called within a runtime.
    pub fn start() -> Self {
        let notices = subscribe()
            .inspect_err(
                |error| debug!(target: "gateway", "no notices of network changes, looking now and then: {error}"),
            )
            .ok();
        Self { notices, settling: None }
    }

    /// Returns when the network may have changed, and has been quiet for a moment since. A caller that gives up waiting loses
    /// nothing.
    pub async fn changed(&mut self) {
        loop {
            match self.settling {
                None => {
                    if !self.notice().await {
                        return;
                    }
                    let now = Instant::now();
                    self.settling = Some(Settling { quiet: now + NETWORK_SETTLE, latest: now + NETWORK_SETTLE_MAX });
                }
                Some(Settling { quiet, latest }) => tokio::select! {
                    _ = self.notice() => {
                        let quiet = (Instant::now() + NETWORK_SETTLE).min(latest);
                        self.settling = Some(Settling { quiet, latest });
                    }
                    () = sleep_until(quiet) => {
                        self.settling = None;
                        return;
                    }
                },
            }
        }
    }

    /// The next notice; `false` when it is time to look without one.
    async fn notice(&mut self) -> bool {
        let Some(socket) = &mut self.notices else {
            sleep(NETWORK_POLL).await;
            return false;
        };
        match socket.recv(&mut Vec::with_capacity(NOTICE_BYTES)).await {
            Ok(()) => true,
            // There were more than the socket holds: which ones does not matter.
            Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => true,
            Err(error) => {
                debug!(target: "gateway", "no more notices of network changes, looking now and then: {error}");
                self.notices = None;
                true
            }
        }
    }
}

/// Room for one notice, in bytes. What does not fit is cut, and is not read anyway.
const NOTICE_BYTES: usize = 4096;

fn subscribe() -> io::Result<TokioSocket> {
    let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
    socket.socket_mut().bind(&SocketAddr::new(0, GROUPS))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn without_notices_it_is_time_to_look_now_and_then() {
        let mut watch = NetworkWatch { notices: None, settling: None };
        let begun = Instant::now();
        watch.changed().await;
        assert_eq!(begun.elapsed(), NETWORK_POLL);
    }

    #[tokio::test]
    async fn a_quiet_network_is_quiet() {
        let mut watch = NetworkWatch { notices: subscribe().ok(), settling: None };
        if watch.notices.is_none() {
            // The kernel may deny notices to a test's sandbox; then looking now and then is all that is left to test.
            return;
        }
        // Whatever else runs on this machine may change its network meanwhile, so only the shape is tested: it does not spin.
        let _ = tokio::time::timeout(Duration::from_millis(50), watch.changed()).await;
        assert!(watch.notices.is_some());
    }
}
