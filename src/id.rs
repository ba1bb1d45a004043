//! Names of things, as types: a route cannot be passed where a deployment is meant.
//!
//! All are cheap to clone (one reference count), because they travel with every attempt and every trace.

use std::{
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};

use crate::clock;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

id! {
    /// The name of a route, as callers say it in `model=`.
    RouteId
}
id! {
    /// The name of a deployment, as the configuration calls it.
    DeploymentId
}
id! {
    /// The name of a provider: the part of `"provider/model"` before the first slash.
    ProviderId
}
id! {
    /// The identity of one call of the router; every attempt, log line and trace of the call carries it.
    RequestId
}

impl RequestId {
    /// A fresh identity, sortable by time (UUID version 7), for example `wp-0192f…`.
    pub fn fresh() -> Self {
        let millis = (clock::unix_seconds(clock::wall()) * 1e3) as u64;
        let mut random = [0; 10];
        random[..8].copy_from_slice(&draw(0).to_le_bytes());
        random[8..].copy_from_slice(&draw(1).to_le_bytes()[..2]);
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let mut text = *b"wp-00000000000000000000000000000000";
        id.simple().encode_lower(&mut text[3..]);
        Self(str::from_utf8(&text).unwrap_or_default().into())
    }
}

/// 64 bits that no other draw of this process, of its forks or of another process has: the operating system is asked for
/// chance once, because asking it for every call would cost more than the rest of a decision's record.
fn draw(lane: usize) -> u64 {
    static SEED: LazyLock<(u64, u64)> = LazyLock::new(|| uuid::Uuid::new_v4().as_u64_pair());
    static COUNT: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
    let count = COUNT[lane].fetch_add(1, Ordering::Relaxed);
    let seed = if lane == 0 { SEED.0 } else { SEED.1 };
    // SplitMix64: it maps no two inputs to one output.
    let mut bits = (seed ^ u64::from(std::process::id()) << 32).wrapping_add(count.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_of_calls_differ_and_say_when_they_were_made() {
        let ids: std::collections::HashSet<RequestId> = (0..10_000).map(|_| RequestId::fresh()).collect();
        assert_eq!(ids.len(), 10_000);
        let id = uuid::Uuid::parse_str(&ids.iter().next().unwrap().as_str()[3..]).unwrap();
        assert_eq!(id.get_version_num(), 7);
        let (seconds, _) = id.get_timestamp().unwrap().to_unix();
        assert!((clock::unix_seconds(clock::wall()) - seconds as f64).abs() < 60.0);
    }
}
