//! Full handshakes a second: connect, upgrade, challenge, signed `connect` of a paired device, greeting, close.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{Bench, Repeated, closed_loop, timed};
use crate::{
    fleet::Device,
    process::{Server, progress},
    report::{Round, Table},
    sizes::Sizes,
    wire::Connection,
};

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    progress("handshakes");
    let drive = async |server: &Server| drive(bench.sizes, server, &bench.devices).await;
    let [ours, bare, checking] = bench.each_in_turn([&bench.ours, &bench.bare, &bench.checking], drive).await?;
    table.rates("full handshakes a second, signed and paired", &ours, &bare, "≥ 0.80");
    table.rates("– beside a bare server that checks one signature", &ours, &checking, "");
    Ok(())
}

/// One round of handshakes, by all devices in turn.
pub(super) async fn drive(sizes: &Sizes, server: &Server, devices: &Arc<[Device]>) -> anyhow::Result<Round> {
    let next = Arc::new(AtomicUsize::new(0));
    let worker = || Worker { address: server.address, devices: Arc::clone(devices), next: Arc::clone(&next) };
    timed(server, closed_loop((0..sizes.handshakes_at_once).map(|_| worker()), sizes.round)).await
}

struct Worker {
    address: SocketAddr,
    devices: Arc<[Device]>,
    next: Arc<AtomicUsize>,
}

impl Repeated for Worker {
    async fn once(&mut self) -> anyhow::Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % self.devices.len();
        let (connection, _) = Connection::open(self.address, &self.devices[number]).await?;
        connection.close().await
    }
}
