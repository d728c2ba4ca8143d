//! Whether handshakes cost more where many devices are paired: two of our gateways, driven in turn.

use std::sync::Arc;

use super::handshakes::drive;
use crate::{
    fleet::{self, Device},
    process::{Server, progress},
    report::{Rounds, Table, float, ratio, whole},
    sizes::Sizes,
};

pub(crate) async fn measure(sizes: &'static Sizes, table: &mut Table) -> anyhow::Result<()> {
    progress("many devices");
    let (one, one_device) = gateway(1).await?;
    let (many, many_devices) = gateway(sizes.many_devices).await?;
    let (mut rounds_of_one, mut rounds_of_many) = (Rounds::default(), Rounds::default());
    for _ in 0..sizes.rounds {
        rounds_of_one.push(drive(sizes, &one, &one_device).await?);
        rounds_of_many.push(drive(sizes, &many, &many_devices).await?);
    }
    let figure = format!(
        "full handshakes a second with {} paired devices, and (under *bare*) with 1",
        whole(float(sizes.many_devices as u64))
    );
    let (many, one) = (rounds_of_many.rate(), rounds_of_one.rate());
    table.row(&figure, whole(many), whole(one), ratio(many, one), "1.00");
    Ok(())
}

async fn gateway(devices: usize) -> anyhow::Result<(Server, Arc<[Device]>)> {
    let (state, devices) = fleet::pair(devices)?;
    Ok((Server::gateway(state).await?, devices.into()))
}
