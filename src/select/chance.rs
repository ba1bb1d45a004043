//! Chance in a ranking: who is put first by a draw, and how likely each contender was to be the first.
//!
//! The likelihood is what a log needs for an honest estimate of another strategy: a choice that was made with probability
//! one tells nothing about the others, one that was drawn does. It is worked out from the same figures as the draw.

use fastrand::Rng;

use super::{
    Belief, StrategyConfig, bandit,
    rank::{Contender, Group, score},
};

/// A measured deployment whose figure is stale is tried first in this share of calls, so that one that recovered is found again.
const EXPLORE: f64 = 0.05;
/// Contenders that are warming up at most for the likelihood to be worked out: each doubles the work.
const WARMING: usize = 8;

/// Whether a strategy spreads its calls: then one that warms up gets its share only, and a session stays where it was.
pub(super) fn spreads(strategy: &StrategyConfig) -> bool {
    !matches!(strategy, StrategyConfig::Priority | StrategyConfig::Cheapest)
}

/// Of each of `members` the share of draws that put it first; what is missing to 1 is left to the `scores`.
fn shares(strategy: &StrategyConfig, contenders: &[Contender], scores: &[f64], members: &[usize]) -> Vec<f64> {
    match strategy {
        StrategyConfig::Weighted => {
            let total: f64 = members.iter().map(|at| contenders[*at].weight).sum();
            members.iter().map(|at| if total > 0.0 { contenders[*at].weight / total } else { 0.0 }).collect()
        }
        StrategyConfig::Fastest | StrategyConfig::Balanced { .. } => {
            let stale = members.iter().filter(|at| contenders[**at].stale).count();
            let each = if stale == 0 { 0.0 } else { EXPLORE / stale as f64 };
            members.iter().map(|at| if contenders[*at].stale { each } else { 0.0 }).collect()
        }
        StrategyConfig::Bandit { explore, .. } => {
            // The score is what is missing to the best there can be, with what its cost counts.
            let doubt = |at: usize| contenders[at].belief.unwrap_or_default().sd;
            let beliefs: Vec<_> = members.iter().map(|at| Belief { mean: -scores[*at], sd: doubt(*at) }).collect();
            bandit::shares(&beliefs, *explore)
        }
        _ => Vec::new(),
    }
}

/// The contender that chance puts first, if it does.
pub(super) fn first_pick(
    strategy: &StrategyConfig,
    contenders: &[Contender],
    scores: &[f64],
    groups: &[Group],
    rng: &mut Rng,
) -> Option<usize> {
    let members = best_of(groups);
    let shares = shares(strategy, contenders, scores, &members);
    if shares.iter().all(|share| *share == 0.0) {
        return None;
    }
    let mut draw = rng.f64();
    let found = members.iter().zip(&shares).find(|(_, share)| {
        draw -= **share;
        draw < 0.0
    });
    found.map(|(at, _)| *at)
}

/// The places of those in the best group.
fn best_of(groups: &[Group]) -> Vec<usize> {
    let best = groups.iter().min();
    (0..groups.len()).filter(|at| Some(&groups[*at]) == best).collect()
}

/// Of each contender, how likely it was to be put first. Nothing if that cannot be said: of the user's own strategy, or
/// where too many are warming up.
///
/// The turn of `round_robin` knows nothing of the request, so everyone in turn counts as equally likely.
pub fn propensities(strategy: &StrategyConfig, contenders: &[Contender], turn: u64) -> Option<Vec<f64>> {
    if matches!(strategy, StrategyConfig::Custom(_)) {
        return None;
    }
    let warm = |c: &Contender| spreads(strategy) && c.share < 1.0;
    let warming: Vec<usize> = (0..contenders.len()).filter(|at| warm(&contenders[*at])).collect();
    if warming.len() > WARMING {
        return None;
    }
    let scores: Vec<f64> = score(strategy, contenders).iter().map(|ranked| ranked.score.unwrap_or(0.0)).collect();
    let mut chances = vec![0.0; contenders.len()];
    for held in 0..1_u32 << warming.len() {
        let is_held = |at: usize| warming.iter().position(|w| *w == at).is_some_and(|bit| held >> bit & 1 == 1);
        let likelihood: f64 = warming
            .iter()
            .map(|at| if is_held(*at) { 1.0 - contenders[*at].share } else { contenders[*at].share })
            .product();
        let groups: Vec<Group> =
            contenders.iter().enumerate().map(|(at, c)| (!c.preferred, c.unknown, is_held(at))).collect();
        for (at, chance) in of_group(strategy, contenders, &scores, &best_of(&groups), turn) {
            chances[at] += likelihood * chance;
        }
    }
    Some(chances)
}

/// The chances within the best group.
fn of_group(
    strategy: &StrategyConfig,
    contenders: &[Contender],
    scores: &[f64],
    members: &[usize],
    turn: u64,
) -> Vec<(usize, f64)> {
    if let Some(sticky) = members.iter().find(|at| spreads(strategy) && contenders[**at].sticky) {
        return vec![(*sticky, 1.0)];
    }
    let even = 1.0 / members.len().max(1) as f64;
    if matches!(strategy, StrategyConfig::RoundRobin) {
        return members.iter().map(|at| (*at, even)).collect();
    }
    let mut chances: Vec<(usize, f64)> = members.iter().map(|at| (*at, 0.0)).collect();
    for (chance, share) in chances.iter_mut().zip(shares(strategy, contenders, scores, members)) {
        chance.1 = share;
    }
    let rest = (1.0 - chances.iter().map(|(_, share)| share).sum::<f64>()).max(0.0);
    let turned = super::rank::rotation(strategy, contenders.len(), turn);
    let place = |at: usize| (at + contenders.len() - turned) % contenders.len();
    let leader = chances
        .iter_mut()
        .min_by(|(a, _), (b, _)| scores[*a].total_cmp(&scores[*b]).then_with(|| place(*a).cmp(&place(*b))));
    if let Some((_, chance)) = leader {
        *chance += rest;
    }
    chances
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::rank;

    fn contender() -> Contender {
        Contender { weight: 1.0, share: 1.0, ..Contender::default() }
    }

    fn strategies() -> Vec<StrategyConfig> {
        vec![
            StrategyConfig::Priority,
            StrategyConfig::Weighted,
            StrategyConfig::Cheapest,
            StrategyConfig::Fastest,
            StrategyConfig::LeastBusy,
            StrategyConfig::Balanced { cost: 0.5, latency: 0.3, load: 0.2 },
            StrategyConfig::Bandit { explore: 0.4, cost: 0.0 },
            StrategyConfig::Bandit { explore: 0.2, cost: 0.5 },
        ]
    }

    /// Contenders of every sort, different with each `seed`.
    fn some(seed: u64) -> Vec<Contender> {
        let mut rng = Rng::with_seed(seed);
        (0..2 + rng.usize(..3))
            .map(|_| Contender {
                weight: rng.f64() * 3.0,
                cost: Some(rng.f64()),
                latency: Some(1.0 + rng.f64()),
                stale: rng.bool(),
                load: rng.f64(),
                share: if rng.u8(..4) == 0 { rng.f64() } else { 1.0 },
                preferred: rng.u8(..5) == 0,
                unknown: rng.u8(..5) == 0,
                sticky: false,
                belief: Some(Belief { mean: rng.f64(), sd: 0.3 * rng.f64() }),
                pace: if rng.bool() { rng.f64() } else { 0.0 },
            })
            .collect()
    }

    #[test]
    fn what_is_said_to_be_likely_is_what_is_drawn() {
        const DRAWS: u64 = 4_000;
        for seed in 0..12 {
            let contenders = some(seed);
            for strategy in strategies() {
                let said = propensities(&strategy, &contenders, 0).unwrap();
                assert!((said.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{strategy:?} {said:?}");
                let mut counts = vec![0_u64; contenders.len()];
                for draw in 0..DRAWS {
                    let mut rng = Rng::with_seed(draw.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed);
                    counts[rank(&strategy, &contenders, 0, &mut rng)[0].at] += 1;
                }
                for (count, chance) in counts.iter().zip(&said) {
                    let found = *count as f64 / DRAWS as f64;
                    assert!((found - chance).abs() < 0.035, "{strategy:?} seed {seed}: {found} for {said:?}");
                }
            }
        }
    }

    #[test]
    fn a_session_that_stays_leaves_nothing_to_chance() {
        let contenders = [contender(), Contender { sticky: true, ..contender() }];
        assert_eq!(propensities(&StrategyConfig::Weighted, &contenders, 0), Some(vec![0.0, 1.0]));
        for draw in 0..50 {
            assert_eq!(rank(&StrategyConfig::Weighted, &contenders, 0, &mut Rng::with_seed(draw))[0].at, 1);
        }
    }

    #[test]
    fn turns_know_nothing_of_the_request() {
        let chances = propensities(&StrategyConfig::RoundRobin, &[contender(); 4], 2);
        assert_eq!(chances, Some(vec![0.25; 4]));
    }

    #[test]
    fn nothing_is_said_of_what_is_not_known() {
        let warming = [Contender { share: 0.5, ..contender() }; WARMING + 1];
        assert_eq!(propensities(&StrategyConfig::Weighted, &warming, 0), None);
        assert_eq!(propensities(&StrategyConfig::Weighted, &[], 0), Some(Vec::new()));
    }
}
