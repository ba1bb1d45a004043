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
    /// What its cost counts because a budget is paced, in units of a score; 0 where none is.
    pub pace: f64,
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
    if let Some(first) = first_pick(strategy, contenders, &keys, &groups, rng) {
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
    let most = Most::of(contenders);
    let ranked = |(at, contender)| {
        let scores = most.scores(strategy, contender);
        Ranked { at, score: total(strategy, &scores), scores }
    };
    contenders.iter().enumerate().map(ranked).collect()
}

/// The largest figures among the contenders, by which the others are scaled.
struct Most {
    cost: f64,
    latency: f64,
    load: f64,
}

impl Most {
    fn of(contenders: &[Contender]) -> Self {
        let most = |of: fn(&Contender) -> Option<f64>| contenders.iter().filter_map(of).fold(0.0, f64::max);
        Self { cost: most(|c| c.cost), latency: most(|c| c.latency), load: most(|c| Some(c.load)) }
    }

    fn scores(&self, strategy: &StrategyConfig, c: &Contender) -> Scores {
        let share = |value: f64, most: f64| if most > 0.0 { value / most } else { 0.0 };
        // An unpriced candidate counts as the dearest.
        let cost = || Some(c.cost.map_or(1.0, |cost| share(cost, self.cost)));
        let pace = (c.pace > 0.0).then_some(c.pace);
        match strategy {
            StrategyConfig::Priority
            | StrategyConfig::Weighted
            | StrategyConfig::RoundRobin
            | StrategyConfig::Custom(_) => Scores::default(),
            StrategyConfig::Bandit { cost: counts, .. } => {
                let Belief { mean, sd } = c.belief.unwrap_or_default();
                let cost = cost().filter(|_| *counts > 0.0);
                Scores { cost, regret: Some(1.0 - mean), doubt: Some(sd), pace, ..Scores::default() }
            }
            // An unpriced candidate comes last, never first.
            StrategyConfig::Cheapest => Scores { cost: Some(c.cost.unwrap_or(f64::INFINITY)), ..Scores::default() },
            StrategyConfig::Fastest => Scores { latency: Some(latency(c, self.latency)), ..Scores::default() },
            StrategyConfig::LeastBusy => Scores { load: Some(c.load), ..Scores::default() },
            StrategyConfig::Balanced { .. } => Scores {
                cost: cost(),
                latency: Some(share(latency(c, self.latency), self.latency)),
                load: Some(share(c.load, self.load)),
                pace,
                ..Scores::default()
            },
        }
    }
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
        StrategyConfig::Bandit { cost, .. } => {
            Some(scores.regret.unwrap_or(0.0) + cost * scores.cost.unwrap_or(0.0) + scores.pace.unwrap_or(0.0))
        }
        StrategyConfig::Fastest => scores.latency,
        StrategyConfig::LeastBusy => scores.load,
        StrategyConfig::Balanced { cost, latency, load } => Some(
            cost * scores.cost.unwrap_or(0.0)
                + latency * scores.latency.unwrap_or(0.0)
                + load * scores.load.unwrap_or(0.0)
                + scores.pace.unwrap_or(0.0),
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
            pace: 0.0,
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
    fn the_pace_of_a_budget_moves_the_balance_towards_what_is_cheap() {
        let contenders = |price: f64| {
            let one = |cost: f64, latency: f64| Contender {
                cost: Some(cost),
                latency: Some(latency),
                pace: price * cost,
                ..contender()
            };
            [one(0.01, 0.5), one(0.001, 2.0)]
        };
        let balanced = StrategyConfig::Balanced { cost: 0.2, latency: 0.7, load: 0.1 };
        assert_eq!(order(&balanced, &contenders(0.0), 0), [0, 1]);
        assert_eq!(order(&balanced, &contenders(100.0), 0), [1, 0]);
        let ranked = rank(&balanced, &contenders(100.0), 0, &mut Rng::with_seed(0));
        assert_eq!(ranked[1].scores.pace, Some(1.0));
        let known = |mean: f64, cost: f64, pace: f64| Contender {
            belief: Some(Belief { mean, sd: 0.0 }),
            cost: Some(cost),
            pace,
            ..contender()
        };
        let bandit = |cost| StrategyConfig::Bandit { explore: 0.0, cost };
        let pair = |pace: f64| [known(0.7, 0.001, 0.0), known(0.9, 0.01, pace)];
        assert_eq!(order(&bandit(0.0), &pair(0.0), 0), [1, 0]);
        assert_eq!(order(&bandit(0.3), &pair(0.0), 0), [0, 1], "the dearest counts 0.3 more");
        assert_eq!(order(&bandit(0.0), &pair(0.3), 0), [0, 1]);
    }

    #[test]
    fn a_session_stays_where_it_was_but_never_against_priority() {
        let contenders = [contender(), Contender { sticky: true, ..contender() }];
        assert_eq!(order(&StrategyConfig::RoundRobin, &contenders, 0)[0], 1);
        assert_eq!(order(&StrategyConfig::Priority, &contenders, 0)[0], 0);
    }
}
