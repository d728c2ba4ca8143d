//! How many sessions there may be: whoever fills the gateway must leave room for its owner.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{defaults::MAX_SESSIONS_PER_DEVICE, device::DeviceId, handshake::Refusal};

/// Room for the sessions that came over the network. Those on the Unix socket need none.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_device: HashMap<DeviceId, usize>,
}

/// Room for one session. Dropping it makes room for another.
#[derive(Debug)]
pub(super) struct Seat {
    device: Option<DeviceId>,
    taken: Arc<Mutex<Taken>>,
}

impl Seats {
    /// Room for `most` sessions. No device gets more than half of it.
    pub(super) fn new(most: usize) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// Takes room for a session of `device`.
    ///
    /// # Errors
    /// There is none, or the device has its share.
    pub(super) fn take(&self, device: Option<DeviceId>) -> Result<Seat, Refusal> {
        let most_of_device = MAX_SESSIONS_PER_DEVICE.min(self.most / 2);
        let mut taken = lock(&self.taken);
        if taken.all >= self.most {
            return Err(Refusal::TooManySessions { most: self.most, of_device: None });
        }
        if let Some(device) = device {
            let count = taken.by_device.entry(device).or_default();
            if *count >= most_of_device {
                return Err(Refusal::TooManySessions { most: most_of_device, of_device: Some(device) });
            }
            *count += 1;
        }
        taken.all += 1;
        drop(taken);
        Ok(Seat { device, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.all -= 1;
        if let Some(device) = self.device
            && let Some(count) = taken.by_device.get_mut(&device)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_device.remove(&device);
            }
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    // Nothing in between panics, so it is whole.
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_device_gets_more_than_half_and_what_is_left_comes_back() {
        let seats = Seats::new(4);
        let [first, second, third] = [1, 2, 3].map(|byte| Some(DeviceId::of_key_bytes(&[byte; 32])));
        let mut held = vec![seats.take(first).expect("room"), seats.take(first).expect("room")];
        assert!(
            matches!(seats.take(first), Err(Refusal::TooManySessions { most: 2, of_device }) if of_device == first)
        );
        held.push(seats.take(second).expect("room"));
        held.push(seats.take(None).expect("room"));
        for device in [second, third, None] {
            assert!(matches!(seats.take(device), Err(Refusal::TooManySessions { most: 4, of_device: None })));
        }
        drop(held);
        assert!(matches!(&*lock(&seats.taken), Taken { all: 0, by_device } if by_device.is_empty()));
        drop(seats.take(first).expect("room again"));
    }
}
