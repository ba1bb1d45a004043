//! The whole core under a virtual clock, against providers that are made up: what would an outage do?
//!
//! Nothing of the core is replaced but the transport and the time. The router plans, admits, breaks, retries and books as it
//! always does; [`World`] stands where HTTP stands, and answers in each provider's own wire format at the pace of the clock.
//! An hour takes as long as its calls take to compute, and one seed gives the same run to the last byte of its report: every draw
//! comes from the seed, the clock moves only when nobody has anything to do, and all of it happens on one thread.

mod act;
mod caller;
mod chance;
mod report;
mod speech;
mod stage;
mod stats;
#[cfg(test)]
mod tests;
mod world;

use std::{
    sync::atomic::AtomicBool,
    time::{Duration, UNIX_EPOCH},
};

pub use self::{
    act::{Act, End, play},
    caller::{Ending, Told},
    report::{Column, DeploymentReport, Happened, Phase, Report},
    stage::Stage,
    stats::{Percentiles, Stats},
    world::{Sent, World},
};
use crate::{
    clock,
    config::{Settings, scenario::Scenario},
    error::{Error, ErrorKind, Result},
};

/// The date on which every simulation begins: a Friday, as outages do (15 January 2027, 08:00 UTC).
const EPOCH: Duration = Duration::from_secs(1_800_000_000);

/// Plays `scenario` on `settings`, and the same without its outages for comparison. `stop` ends it early.
///
/// # Errors
/// [`ErrorKind::Config`] for a scenario that speaks of what the configuration does not have, [`ErrorKind::Cancelled`]
/// after `stop`.
pub fn simulate(settings: &Settings, scenario: &Scenario, seed: u64, stop: &AtomicBool) -> Result<Report> {
    let calm = Scenario { outages: Vec::new(), chance: None, ..scenario.clone() };
    let told = |scenario: &Scenario| {
        let (settings, scenario) = (settings.clone(), scenario.clone());
        in_virtual_time(async move || {
            let stage = Stage::new(settings, &scenario, seed)?;
            let calls = stage.play(stop).await?;
            Ok((stage.columns(), stage, calls))
        })?
    };
    let (columns, stage, calls) = told(scenario)?;
    let mut report = report::report(scenario, &stage, &columns, &calls, seed);
    if calm != *scenario {
        let (_, _, calls) = told(&calm)?;
        report.baseline = Some(report::phases(scenario, &calls));
    }
    Ok(report)
}

/// Runs `work` on a thread of its own, on whose clock time passes only while everybody waits. Dates pass with it.
///
/// # Errors
/// [`ErrorKind::Internal`] if there is no such thread, or it panics.
pub fn in_virtual_time<T: Send, F: Future<Output = T>>(work: impl FnOnce() -> F + Send) -> Result<T> {
    let inside = || {
        let built = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = built.map_err(|error| internal(&format!("no simulated clock: {error}")))?;
        Ok(runtime.block_on(async {
            let _dates = clock::simulated(UNIX_EPOCH + EPOCH);
            work().await
        }))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("waypost-simulation".into()).spawn_scoped(scope, inside);
        let thread = thread.map_err(|error| internal(&format!("no thread for the simulation: {error}")))?;
        thread.join().unwrap_or_else(|_| Err(internal("a defect of waypost ended the simulation; please report it")))
    })
}

fn internal(message: &str) -> Error {
    Error::new(ErrorKind::Internal, message)
}

/// Spreads neighbouring numbers over all seeds (`SplitMix64`), so that every draw has a generator of its own: what happens to one
/// call does not move the dice of another.
fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed ^ number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
