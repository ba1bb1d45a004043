//! How many wait at once, everywhere: a bound, and who makes way when it is reached.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Lowest priority first; among equals the last who came.
type Key = (i32, Reverse<u64>);

/// All who wait.
#[derive(Debug, Default)]
pub struct Hall {
    seats: Mutex<BTreeMap<Key, Arc<Notify>>>,
    /// Those who have a bound of their own.
    apart: AtomicU64,
    next: AtomicU64,
}

/// A seat among those who wait, until it is dropped.
#[derive(Debug)]
pub struct Seat {
    hall: Arc<Hall>,
    /// Absent for one who sits apart.
    place: Option<(Key, Arc<Notify>)>,
}

impl Hall {
    /// A seat for somebody of this priority, if fewer than `most` are taken, or somebody of a lower one makes way.
    pub fn enter(self: &Arc<Self>, priority: i32, most: u32) -> Option<Seat> {
        let mut seats = self.seats.lock();
        if seats.len() >= most as usize {
            let lowest = seats.first_entry().filter(|lowest| lowest.key().0 < priority)?;
            lowest.remove().notify_one();
        }
        let key = (priority, Reverse(self.next.fetch_add(1, Ordering::Relaxed)));
        let shed = Arc::new(Notify::new());
        seats.insert(key, Arc::clone(&shed));
        Some(Seat { hall: Arc::clone(self), place: Some((key, shed)) })
    }

    /// A seat for somebody who is bounded elsewhere.
    pub fn apart(self: &Arc<Self>) -> Seat {
        self.apart.fetch_add(1, Ordering::Relaxed);
        Seat { hall: Arc::clone(self), place: None }
    }

    /// How many wait.
    pub fn waiting(&self) -> u64 {
        self.seats.lock().len() as u64 + self.apart.load(Ordering::Relaxed)
    }
}

impl Seat {
    /// Waits until the seat is taken away for somebody of higher priority.
    pub async fn shed(&self) {
        match &self.place {
            Some((_, shed)) => shed.notified().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        match &self.place {
            Some((key, _)) => _ = self.hall.seats.lock().remove(key),
            None => _ = self.hall.apart.fetch_sub(1, Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn the_lowest_and_the_last_of_them_makes_way_and_nobody_for_an_equal() {
        let hall = Arc::new(Hall::default());
        let seats: Vec<Seat> = [0, -1, -1, 1].into_iter().map(|priority| hall.enter(priority, 4).unwrap()).collect();
        assert!(hall.enter(-1, 4).is_none());
        let shed = || seats.iter().map(|seat| seat.shed().now_or_never().is_some()).collect::<Vec<_>>();
        let high = hall.enter(5, 4).unwrap();
        assert_eq!(shed(), [false, false, true, false]);
        let normal = hall.enter(0, 4).unwrap();
        assert_eq!(shed(), [false, true, false, false]);
        assert!(hall.enter(0, 4).is_none());
        assert_eq!(hall.waiting(), 4);
        let batch: Vec<Seat> = (0..100).map(|_| hall.apart()).collect();
        assert_eq!(hall.waiting(), 104);
        drop((seats, high, normal, batch));
        assert_eq!(hall.waiting(), 0);
        assert!(hall.enter(0, 0).is_none());
    }
}
