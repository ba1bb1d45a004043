//! The ranking itself: a pure function of the contenders, the turn and a source of chance.

use fastrand::Rng;

use super::{
    Scores, StrategyConfig,
    bandit::Belief,
    chance::{first_pick, spreads},
};

/// A deployment that may serve, as far as ranking looks at it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Contender {
    /// Its share under `weighted`.
    pub weight: f64,
    /// Estimated cost in USD; absent if unpriced.
    pub cost: Option<f64>,
    /// Measured seconds (to the first token for a stream, to the end otherwise); absent if never measured.
    pub latency: Option<f64>,
    /// Whether the last measurement is so old that it should be taken anew.
    pub stale: bool,
    /// Requests in flight, as a share of its concurrency limit if it has one.
    pub load: f64,
    /// The share of its traffic it should get while it recovers, 0..1.
    pub share: f64,
    /// A rule prefers it.
    pub preferred: bool,
    /// An ability that the request needs is not known of it.
    pub unknown: bool,
    /// The session's last answer came from it.
    pub sticky: bool,
    /// What a strategy that learns believes of it.
    pub belief: Option<Belief>,
}

/// A contender's place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ranked {
    /// Which contender.
    pub at: usize,
    /// What it was ranked by; lower is better.
    pub score: Option<f64>,
    /// The parts of the score.
    pub scores: Scores,
}

/// Groups that stand before any score: preferred before others, known abilities before unknown ones, warm before warming up.
pub(super) type Group = (bool, bool, bool);

/// The contenders, best first. `turn` counts the calls of the route.
pub fn rank(strategy: &StrategyConfig, contenders: &[Contender], turn: u64, rng: &mut Rng) -> Vec<Ranked> {
    let spreads = spreads(strategy);
    let groups: Vec<Group> = contenders
        .iter()
        // Slow start protects a recovering deployment from its whole share at once. Where the order is fixed by the user
        // or by price there is no share to grow.
        .map(|c| (!c.preferred, c.unknown, spreads && c.share < 1.0 && rng.f64() > c.share))
        .collect();
    let ranked = score(strategy, contenders);
    let mut keys: Vec<f64> = ranked.iter().map(|r| r.score.unwrap_or(0.0)).collect();
    if let Some(first) = first_pick(strategy, contenders, &groups, rng) {
        // Before every score, and behind a session that stays.
        keys[first] = f64::MIN;
    }
    if spreads {
        for (key, contender) in keys.iter_mut().zip(contenders) {
            if contender.sticky {
                *key = f64::NEG_INFINITY;
            }
        }
    }
    // Group, key and place in one number: numbers sort several times faster than triples behind a closure.
    let (n, rotation) = (contenders.len(), rotation(strategy, contenders.len(), turn));
    let mut order: Vec<u128> = (0..n)
        .map(|at| {
            u128::from(group(groups[at])) << 96
                | u128::from(ascending(keys[at])) << 32
                | ((at + n - rotation) % n) as u128
        })
        .collect();
    order.sort_unstable();
    order.iter().map(|key| ranked[(*key as u32 as usize + rotation) % n]).collect()
}

fn group((later, unknown, warming): Group) -> u8 {
    u8::from(later) << 2 | u8::from(unknown) << 1 | u8::from(warming)
}

/// A number whose order is that of `key`; zeros of both signs are equal.
fn ascending(key: f64) -> u64 {
    let bits = (key + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// Where the order of equals begins: round robin and ties of load move on with each turn, all else keeps the order written.
pub(super) fn rotation(strategy: &StrategyConfig, n: usize, turn: u64) -> usize {
    match strategy {
        StrategyConfig::RoundRobin | StrategyConfig::LeastBusy if n > 0 => (turn % n as u64) as usize,
        _ => 0,
    }
}

pub(super) fn score(strategy: &StrategyConfig, contenders: &[Contender]) -> Vec<Ranked> {
    let most = |of: fn(&Contender) -> Option<f64>| contenders.iter().filter_map(of).fold(0.0, f64::max);
    let dearest = most(|c| c.cost);
    let slowest = most(|c| c.latency);
    let busiest = most(|c| Some(c.load));
    let share = |value: f64, most: f64| if most > 0.0 { value / most } else { 0.0 };
    contenders
        .iter()
        .enumerate()
        .map(|(at, c)| {
            let scores = match strategy {
                StrategyConfig::Priority
                | StrategyConfig::Weighted
                | StrategyConfig::RoundRobin
                | StrategyConfig::Custom(_) => Scores::default(),
                StrategyConfig::Bandit { .. } => {
                    Scores { regret: Some(1.0 - c.belief.unwrap_or_default().mean), ..Scores::default() }
                }
                // An unpriced candidate comes last, never first.
                StrategyConfig::Cheapest => Scores { cost: Some(c.cost.unwrap_or(f64::INFINITY)), ..Scores::default() },
                StrategyConfig::Fastest => Scores { latency: Some(latency(c, slowest)), ..Scores::default() },
                StrategyConfig::LeastBusy => Scores { load: Some(c.load), ..Scores::default() },
                StrategyConfig::Balanced { .. } => Scores {
                    cost: Some(c.cost.map_or(1.0, |cost| share(cost, dearest))),
                    latency: Some(share(latency(c, slowest), slowest)),
                    load: Some(share(c.load, busiest)),
                    regret: None,
                },
            };
            Ranked { at, score: total(strategy, &scores), scores }
        })
        .collect()
}

/// An unmeasured deployment is tried first, once: while that try is under way it ranks behind the measured ones.
fn latency(contender: &Contender, slowest: f64) -> f64 {
    contender.latency.unwrap_or(if contender.load > 0.0 { slowest } else { 0.0 })
}

fn total(strategy: &StrategyConfig, scores: &Scores) -> Option<f64> {
    match strategy {
        StrategyConfig::Priority
        | StrategyConfig::Weighted
        | StrategyConfig::RoundRobin
        | StrategyConfig::Custom(_) => None,
        StrategyConfig::Cheapest => scores.cost,
        StrategyConfig::Bandit { .. } => scores.regret,
        StrategyConfig::Fastest => scores.latency,
        StrategyConfig::LeastBusy => scores.load,
        StrategyConfig::Balanced { cost, latency, load } => Some(
            cost * scores.cost.unwrap_or(0.0)
                + latency * scores.latency.unwrap_or(0.0)
                + load * scores.load.unwrap_or(0.0),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender() -> Contender {
        Contender {
            weight: 1.0,
            cost: None,
            latency: None,
            stale: false,
            load: 0.0,
            share: 1.0,
            preferred: false,
            unknown: false,
            sticky: false,
            belief: None,
        }
    }

    fn order(strategy: &StrategyConfig, contenders: &[Contender], turn: u64) -> Vec<usize> {
        rank(strategy, contenders, turn, &mut Rng::with_seed(turn)).iter().map(|r| r.at).collect()
    }

    #[test]
    fn weights_hold_over_many_draws() {
        let contenders = [Contender { weight: 3.0, ..contender() }, contender()];
        let first = (0..4_000).filter(|turn| order(&StrategyConfig::Weighted, &contenders, *turn)[0] == 0).count();
        assert!((2_880..3_120).contains(&first), "{first}");
    }

    #[test]
    fn round_robin_takes_turns_and_keeps_the_rest_as_failover() {
        let contenders = [contender(); 3];
        let strategy = StrategyConfig::RoundRobin;
        let orders: Vec<Vec<usize>> = (0..4).map(|turn| order(&strategy, &contenders, turn)).collect();
        assert_eq!(orders, [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]);
    }

    #[test]
    fn unpriced_is_never_cheapest() {
        let contenders =
            [contender(), Contender { cost: Some(9.0), ..contender() }, Contender { cost: Some(0.0), ..contender() }];
        assert_eq!(order(&StrategyConfig::Cheapest, &contenders, 0), [2, 1, 0]);
    }

    #[test]
    fn preference_stands_before_the_strategy_and_keeps_its_order_within() {
        let cost = |cost, preferred| Contender { cost: Some(cost), preferred, ..contender() };
        let contenders = [cost(1.0, false), cost(5.0, true), cost(2.0, true), cost(0.5, false)];
        assert_eq!(order(&StrategyConfig::Cheapest, &contenders, 0), [2, 1, 3, 0]);
    }

    #[test]
    fn unknown_abilities_rank_behind_known_ones() {
        let contenders = [Contender { unknown: true, ..contender() }, contender()];
        assert_eq!(order(&StrategyConfig::Priority, &contenders, 0), [1, 0]);
    }

    #[test]
    fn the_unmeasured_is_tried_first_once_and_the_stale_now_and_then() {
        let slow = Contender { latency: Some(2.0), ..contender() };
        assert_eq!(order(&StrategyConfig::Fastest, &[slow, contender()], 0), [1, 0]);
        assert_eq!(order(&StrategyConfig::Fastest, &[slow, Contender { load: 1.0, ..contender() }], 0), [0, 1]);
        let contenders = [Contender { latency: Some(1.0), ..contender() }, Contender { stale: true, ..slow }];
        let explored = (0..2_000).filter(|turn| order(&StrategyConfig::Fastest, &contenders, *turn)[0] == 1).count();
        assert!((60..150).contains(&explored), "{explored}");
    }

    #[test]
    fn a_session_stays_where_it_was_but_never_against_priority() {
        let contenders = [contender(), Contender { sticky: true, ..contender() }];
        assert_eq!(order(&StrategyConfig::RoundRobin, &contenders, 0)[0], 1);
        assert_eq!(order(&StrategyConfig::Priority, &contenders, 0)[0], 0);
    }
}
