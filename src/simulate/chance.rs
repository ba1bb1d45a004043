//! Draws: waiting times, lengths, moments.

use std::time::Duration;

use fastrand::Rng;

use super::mix;
use crate::config::scenario::{Chance, Fault, Outage, Scenario, Spread, Traffic, aimed};
use crate::{catalog::Deployment, error::Result};

/// How many standard deviations the 95th percentile lies above the median.
const Z95: f64 = 1.644_853_6;
/// Draws further out than this are taken for this: one in three thousand, and no answer of a million years.
const FARTHEST: f64 = 3.4;

/// Calls of a scenario at most: a mistake in a unit should not take a day.
pub(super) const MOST_CALLS: f64 = 2e6;

/// A draw from `spread`.
pub(super) fn draw(spread: Spread, rng: &mut Rng) -> f64 {
    let sigma = (spread.p95 / spread.p50).max(1.0).ln() / Z95;
    spread.p50 * (sigma * normal(rng).clamp(-FARTHEST, FARTHEST)).exp()
}

/// A standard normal draw (Box and Muller).
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

/// An exponential draw: the wait for something that comes independently of all else.
pub(super) fn wait(mean: f64, rng: &mut Rng) -> f64 {
    -mean * (1.0 - rng.f64()).ln()
}

/// The moments at which the callers of one kind come.
pub(super) fn arrivals(traffic: &Traffic, duration: Duration, rng: &mut Rng) -> Vec<Duration> {
    let from = traffic.at.as_secs_f64();
    let to = traffic.lasts.map_or(duration, |lasts| (traffic.at + lasts).min(duration)).as_secs_f64();
    let mut moments = Vec::new();
    if traffic.rpm <= 0.0 {
        return moments;
    }
    let gap = 60.0 / traffic.rpm;
    let mut at = from;
    loop {
        at += if traffic.random { wait(gap, rng) } else { gap };
        if at >= to {
            return moments;
        }
        moments.push(Duration::from_secs_f64(at));
    }
}

/// Calls to be expected of `scenario`.
pub(super) fn expected(scenario: &Scenario) -> f64 {
    let lasts = |traffic: &Traffic| {
        let rest = scenario.duration.saturating_sub(traffic.at);
        traffic.lasts.map_or(rest, |lasts| lasts.min(rest)).as_secs_f64()
    };
    scenario.traffic.iter().map(|traffic| traffic.rpm / 60.0 * lasts(traffic)).sum()
}

/// What goes wrong at the deployment in `place`, when: as written, and by chance.
pub(super) fn outages(
    scenario: &Scenario,
    deployments: &[&Deployment],
    place: usize,
    seed: u64,
) -> Result<Vec<Outage>> {
    let mut found = Vec::new();
    for outage in &scenario.outages {
        if hits(&outage.on, &outage.path, deployments, place)? {
            found.push(outage.clone());
        }
    }
    if let Some(chance) = &scenario.chance
        && hits(&chance.on, &chance.path, deployments, place)?
    {
        let mut rng = Rng::with_seed(mix(seed, place as u64));
        found.extend(by_chance(chance, scenario.duration, deployments[place], &mut rng));
    }
    found.sort_by_key(|outage| outage.at);
    Ok(found)
}

fn hits(on: &[String], path: &str, deployments: &[&Deployment], place: usize) -> Result<bool> {
    let mut hit = false;
    for on in on {
        hit |= aimed(on, path, deployments)?.contains(&place);
    }
    Ok(hit)
}

fn by_chance(chance: &Chance, duration: Duration, deployment: &Deployment, rng: &mut Rng) -> Vec<Outage> {
    /// No outage is shorter than a second.
    const SHORTEST: f64 = 1.0;
    let (mut outages, end) = (Vec::new(), duration.as_secs_f64());
    let mut at = wait(chance.every.as_secs_f64(), rng);
    while at < end {
        let lasts = wait(chance.lasts.as_secs_f64(), rng).max(SHORTEST);
        let fault = chance.faults[rng.usize(..chance.faults.len())];
        outages.push(Outage {
            on: vec![deployment.id.to_string()],
            path: chance.path.clone(),
            at: Duration::from_secs_f64(at),
            lasts: Duration::from_secs_f64(lasts),
            fault,
            share: 0.2 + 0.8 * rng.f64(),
            factor: 1.0 + wait(6.0, rng),
            retry_after: (fault == Fault::Status(429)).then(|| Duration::from_secs(rng.u64(1..60))),
        });
        at += lasts + wait(chance.every.as_secs_f64(), rng);
    }
    outages
}
