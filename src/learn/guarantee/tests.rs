use super::*;

/// A world whose truth is known. The dear model succeeds in nine of ten; the cheap one as often on easy prompts and with 40 % on
/// hard ones. `signal` is how much the prediction knows of which is which: 1 all, 0 nothing.
#[derive(Clone, Copy)]
struct World {
    hard: f64,
    signal: f64,
}

/// Calibrations of a world.
const RUNS: u64 = 100;
const EASY: f64 = 0.9;
const HARD: f64 = 0.4;
const COSTS: [f64; 2] = [1.0, 10.0];

struct Prompt {
    hard: bool,
    predicted: Vec<f64>,
    scores: Vec<f64>,
}

impl World {
    fn draw(self, rng: &mut Rng) -> Prompt {
        let hard = rng.f64() < self.hard;
        let known = if rng.f64() < self.signal { f64::from(hard) } else { f64::from(rng.f64() < self.hard) };
        let weak = if hard { HARD } else { EASY };
        let predicted = vec![EASY - (EASY - HARD) * known + 0.1 * (rng.f64() - 0.5), EASY];
        let scores = vec![f64::from(rng.f64() < weak), f64::from(rng.f64() < EASY)];
        Prompt { hard, predicted, scores }
    }

    fn claim(self, rng: &mut Rng, prompts: usize, epsilon: f64, delta: f64) -> Claim {
        let drawn: Vec<Prompt> = (0..prompts).map(|_| self.draw(rng)).collect();
        Claim {
            models: vec!["small".into(), "large".into()],
            predicted: drawn.iter().map(|prompt| prompt.predicted.clone()).collect(),
            scores: drawn.iter().map(|prompt| prompt.scores.clone()).collect(),
            costs: COSTS.into(),
            epsilon,
            delta,
            strong: Some(1),
            ..Claim::default()
        }
    }

    /// The true mean loss of a rule, from the chances of success rather than from scores.
    fn loss(guarantee: &Guarantee, traffic: &[Prompt]) -> f64 {
        let lost = |prompt: &&Prompt| prompt.hard && guarantee.pick(&prompt.predicted) == 0;
        (EASY - HARD) * traffic.iter().filter(lost).count() as f64 / traffic.len() as f64
    }
}

/// Of many calibrations the share whose rule truly loses more than `epsilon`, and the mean share of cost that is saved.
fn violated(world: World, prompts: usize, epsilon: f64, delta: f64, change: impl Fn(&mut Claim)) -> (f64, f64) {
    let mut rng = Rng::with_seed(99);
    let traffic: Vec<Prompt> = (0..4_000).map(|_| world.draw(&mut rng)).collect();
    let runs = RUNS;
    let found: Vec<(bool, f64)> = (0..runs)
        .map(|seed| {
            let mut claim = world.claim(&mut Rng::with_seed(seed), prompts, epsilon, delta);
            change(&mut claim);
            let guarantee = guarantee(&claim).unwrap();
            (World::loss(&guarantee, &traffic) > epsilon, guarantee.saved)
        })
        .collect();
    let share = |of: f64| of / runs as f64;
    (share(found.iter().filter(|run| run.0).count() as f64), share(found.iter().map(|run| run.1).sum()))
}

/// Three standard errors of a share of `delta` in so many runs.
fn slack(delta: f64) -> f64 {
    3.0 * (delta * (1.0 - delta) / RUNS as f64).sqrt()
}

const GOOD: World = World { hard: 0.3, signal: 0.95 };
const POOR: World = World { hard: 0.3, signal: 0.3 };
const BLIND: World = World { hard: 0.3, signal: 0.0 };

#[test]
fn the_loss_is_above_epsilon_no_more_often_than_delta() {
    for delta in [0.05, 0.2] {
        for world in [GOOD, POOR, BLIND] {
            let (share, _) = violated(world, 1_000, 0.05, delta, |_| ());
            assert!(share <= delta + slack(delta), "δ {delta}: {share} of the calibrations lose more");
        }
    }
}

#[test]
fn that_holds_for_every_way_of_testing_and_searching() {
    let delta = 0.1;
    let ways: [fn(&mut Claim); 5] = [
        |claim| claim.test = Some(Test::HoeffdingBentkus),
        |claim| claim.loss = Loss::Regret,
        |claim| claim.search = Search::Bonferroni,
        |claim| claim.recalibrate = Recalibrate::Isotonic,
        |claim| (claim.recalibrate, claim.strong) = (Recalibrate::Platt, None),
    ];
    for (at, way) in ways.into_iter().enumerate() {
        let (share, _) = violated(POOR, 800, 0.06, delta, way);
        assert!(share <= delta + slack(delta), "way {at}: {share}");
    }
}

#[test]
fn a_good_predictor_saves_and_a_blind_one_does_not() {
    // A perfect one could ask the small model for seven prompts of ten: 63 % saved.
    let (_, good) = violated(GOOD, 1_000, 0.05, 0.05, |_| ());
    let (_, poor) = violated(POOR, 1_000, 0.05, 0.05, |_| ());
    let (_, blind) = violated(BLIND, 1_000, 0.05, 0.05, |_| ());
    assert!(good > 0.5, "{good}");
    assert!(poor < good && blind < poor, "{poor} {blind}");
    assert!(blind < 0.2, "{blind}");
}

#[test]
fn more_prompts_save_more() {
    let saved = |prompts| violated(GOOD, prompts, 0.03, 0.05, |_| ()).1;
    let (few, some, many) = (saved(60), saved(600), saved(2_400));
    assert!(few.abs() < 1e-12, "{few}");
    assert!(some < many && many > 0.5, "{some} {many}");
}

#[test]
fn too_few_prompts_mean_the_strong_model() {
    let found = guarantee(&GOOD.claim(&mut Rng::with_seed(1), 60, 0.02, 0.05)).unwrap();
    assert_eq!((found.margin, found.bound, found.loss, found.p_value), (None, None, None, None));
    assert!(found.least > 60 && (found.strong_share - 1.0).abs() < 1e-12 && found.saved.abs() < 1e-12);
    assert_eq!(found.models[found.pick(&[1.0, 0.0])], "large");
    assert!(found.sentence().contains("nothing cheaper than `large` was shown"), "{}", found.sentence());
    // None at all is no error either.
    let none = guarantee(&GOOD.claim(&mut Rng::with_seed(1), 0, 0.02, 0.05)).unwrap();
    assert_eq!((none.margin, none.prompts), (None, 0));
}

#[test]
fn what_is_found_says_what_it_is() {
    let claim = Claim { strong: None, ..GOOD.claim(&mut Rng::with_seed(4), 2_000, 0.05, 0.05) };
    let found = guarantee(&claim).unwrap();
    assert!(found.is_whole());
    assert_eq!((found.prompts, found.picked_of, found.strong_model()), (2_000, 2, "large"));
    let (loss, bound) = (found.loss.unwrap(), found.bound.unwrap());
    assert!(loss < bound && bound <= 0.05 && found.p_value.unwrap() <= 0.025, "{loss} {bound}");
    assert!(found.method.contains("betting") && found.method.contains("best of 2"), "{}", found.method);
    assert_eq!(found.assumptions.len(), 6);
    // What it says survives its form in a file.
    let again: Guarantee = serde_json::from_value(serde_json::to_value(&found).unwrap()).unwrap();
    assert_eq!(again, found);
}

#[test]
fn models_are_ordered_by_cost_whatever_their_order_in_the_table() {
    let mut claim = GOOD.claim(&mut Rng::with_seed(4), 2_000, 0.05, 0.05);
    let found = guarantee(&claim).unwrap();
    for table in [&mut claim.predicted, &mut claim.scores] {
        for row in table.iter_mut() {
            row.reverse();
        }
    }
    claim.models.reverse();
    claim.costs.reverse();
    claim.strong = Some(0);
    assert_eq!(guarantee(&claim).unwrap(), found);
    assert_eq!(found.models, ["small", "large"]);
}

#[test]
fn recalibration_mends_a_predictor_that_is_too_sure() {
    // The small model is always predicted to be 0.3 better than it is.
    let boast = |claim: &mut Claim| claim.predicted.iter_mut().for_each(|row| row[0] = 0.3 + 0.3 * row[0]);
    let plain = violated(GOOD, 1_500, 0.05, 0.05, boast).1;
    let mended = violated(GOOD, 1_500, 0.05, 0.05, |claim| {
        boast(claim);
        claim.recalibrate = Recalibrate::Isotonic;
    });
    // It costs prompts and buys a scale: not less than without, though nearly a third of the prompts is not tested on.
    assert!(mended.1 > plain - 0.1 && mended.1 > 0.4, "{plain} {}", mended.1);
}

#[test]
fn tables_that_do_not_fit_are_refused() {
    let right = GOOD.claim(&mut Rng::with_seed(1), 30, 0.05, 0.05);
    let wrong: [fn(&mut Claim); 8] = [
        |claim| claim.epsilon = 0.0,
        |claim| claim.delta = 1.0,
        |claim| claim.strong = Some(2),
        |claim| claim.costs = vec![1.0],
        |claim| claim.costs[0] = f64::NAN,
        |claim| claim.scores[3][0] = 1.5,
        |claim| _ = claim.predicted.pop(),
        |claim| claim.embeddings = vec![vec![1.0]],
    ];
    for change in wrong {
        let mut claim = right.clone();
        change(&mut claim);
        assert_eq!(guarantee(&claim).unwrap_err().kind, ErrorKind::InvalidRequest);
    }
}

#[test]
fn the_alarm_is_told_what_the_prompts_are_about() {
    let mut claim = GOOD.claim(&mut Rng::with_seed(1), 40, 0.05, 0.05);
    claim.embeddings = (0..40).map(|at| if at % 2 == 0 { vec![1.0, 0.0] } else { vec![0.0, 1.0] }).collect();
    let found = guarantee(&claim).unwrap();
    let half = 0.5_f32.sqrt();
    assert!(found.reference.topic.iter().all(|part| (part - half).abs() < 1e-6));
    let seen = |series: usize| found.reference.counts[series].iter().map(|(_, count)| count).sum::<u32>();
    assert_eq!([seen(0), seen(1), seen(2), seen(3)], [40, 40, 20, 40]);
}
