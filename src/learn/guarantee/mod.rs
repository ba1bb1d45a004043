//! Scored prompts and a predictor → a rule about which something is proved: "the quality lost against the strong model is above
//! ε with a probability of at most δ, on traffic like these prompts".
//!
//! Learn then test (Angelopoulos et al., arXiv 2110.01052). The rule has a margin; "this margin loses more than ε" is a claim, and
//! a margin may be used once its claim is rejected. Claims are tested from the safe end on ("never below the strong model") and
//! the first one that stands ends the search, so that testing many costs nothing: [`Search::FixedSequence`]. Conformal risk
//! control (arXiv 2208.02814) is simpler, but promises the mean over calibrations, needs losses that rise with the margin, and
//! says nothing about the one calibration that one has.
//!
//! What was learned from may not be tested on: the predictor comes from other prompts, and where predictions are recalibrated,
//! that happens on a part of these that is not tested on.

mod pvalue;

use fastrand::Rng;
use serde::Deserialize;

pub use self::pvalue::{Loss, Test};
use crate::{
    error::{Error, ErrorKind, Result},
    select::{
        drift::{Look, Reference},
        guarantee::{Guarantee, pick},
        recalibrate::{Isotonic, Platt, Recalibrated},
    },
};

/// Margins that are tried on either side of nought: on the scale of scores, 0 to 1, finer than a predictor is right.
const MARGINS: i32 = 200;
/// The part of the prompts on which predictions are recalibrated: a rising map needs fewer than a proof does.
const RECALIBRATED_SHARE: f64 = 0.3;

/// How margins are searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Search {
    /// From the safe end on, until a claim stands.
    #[default]
    FixedSequence,
    /// All at once, each held to its part of δ: for predictors whose losses do not rise with the margin.
    Bonferroni,
}

/// Whether and how predictions are recalibrated first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recalibrate {
    /// They are believed: every prompt is tested on.
    #[default]
    Not,
    /// By rising steps.
    Isotonic,
    /// By a logistic curve.
    Platt,
}

/// What is to be proved, and on what.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Claim {
    /// The models.
    pub models: Vec<String>,
    /// For each prompt the predicted score of each model.
    pub predicted: Vec<Vec<f64>>,
    /// For each prompt the score of each model.
    pub scores: Vec<Vec<f64>>,
    /// What a call of each model costs on average.
    pub costs: Vec<f64>,
    /// For each prompt its embedding; nothing where there are none.
    #[serde(default)]
    pub embeddings: Vec<Vec<f32>>,
    /// The quality that may be lost.
    pub epsilon: f64,
    /// How likely the proof may be wrong.
    pub delta: f64,
    /// The model that it is lost against; the best one on these prompts unless given.
    #[serde(default)]
    pub strong: Option<usize>,
    /// How losses are counted.
    #[serde(default)]
    pub loss: Loss,
    /// How they are tested.
    #[serde(default)]
    pub test: Option<Test>,
    /// How margins are searched.
    #[serde(default)]
    pub search: Search,
    /// Whether predictions are recalibrated.
    #[serde(default)]
    pub recalibrate: Recalibrate,
    /// The seed of the part that recalibration gets.
    #[serde(default)]
    pub seed: u64,
}

/// Finds the cheapest margin about which the claim can be proved.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] where the tables do not fit each other, or ε and δ are not between 0 and 1. Too few prompts are
/// no error: then the guarantee has no margin, and means the strong model.
pub fn guarantee(claim: &Claim) -> Result<Guarantee> {
    claim.check()?;
    let sheet = Sheet::of(claim);
    let strong = sheet.strong;
    let found = sheet.search();
    let margin = found.as_ref().map(|found| found.margin);
    let tested = || sheet.tested.iter();
    let picks: Vec<usize> =
        tested().map(|row| margin.map_or(strong, |margin| pick(&row.expected, strong, margin))).collect();
    let share = |of: f64| of / picks.len().max(1) as f64;
    let spent = picks.iter().map(|model| sheet.costs[*model]).sum::<f64>();
    let saved = if sheet.costs[strong] > 0.0 { 1.0 - share(spent) / sheet.costs[strong] } else { 0.0 };
    Ok(Guarantee {
        epsilon: claim.epsilon,
        delta: claim.delta,
        prompts: sheet.tested.len(),
        least: sheet.test.least(claim.loss, claim.epsilon, sheet.level),
        models: sheet.order.iter().map(|model| claim.models[*model].clone()).collect(),
        costs: sheet.costs.clone(),
        strong,
        picked_of: sheet.picked_of,
        margin,
        loss: found.as_ref().map(|found| found.loss),
        bound: found.as_ref().map(|found| found.bound),
        p_value: found.as_ref().map(|found| found.p_value),
        strong_share: share(picks.iter().filter(|model| **model == strong).count() as f64),
        saved: if picks.is_empty() { 0.0 } else { saved },
        reference: sheet.reference(&picks),
        method: sheet.method(),
        assumptions: assumptions(),
        recalibrated: sheet.recalibrated,
    })
}

/// What nobody can prove, and everything rests on.
fn assumptions() -> Vec<String> {
    [
        "requests come from the same source as the prompts of the calibration, in no particular order: other subjects, languages or users void it",
        "the scores measure what matters to you: a judge that is wrong is wrong here too",
        "no prompt of the calibration was used to train the predictor or to choose between predictors",
        "each name still stands for the model that was scored, and the order of their prices is the same",
        "it is about the mean over all requests: of a single request, or of one kind of them, it says nothing",
        "every model of it can be asked: where rules, limits or an outage take one away, the decision says that it does not hold",
    ]
    .map(String::from)
    .into()
}

impl Claim {
    fn check(&self) -> Result<()> {
        let (models, prompts) = (self.models.len(), self.scores.len());
        let wide = |table: &[Vec<f64>]| {
            table.len() == prompts && table.iter().all(|row| row.len() == models && row.iter().all(|v| v.is_finite()))
        };
        let within = |share: f64| share > 0.0 && share < 1.0;
        let problem = if models < 2 {
            "a guarantee is about a choice: it needs at least two models"
        } else if !wide(&self.scores) || !wide(&self.predicted) {
            "each prompt needs a score and a prediction of each model, all of them finite numbers"
        } else if self.scores.iter().flatten().any(|score| !(0.0..=1.0).contains(score)) {
            "scores must be between 0 and 1"
        } else if self.costs.len() != models || !self.costs.iter().all(|cost| cost.is_finite() && *cost >= 0.0) {
            "each model needs a cost of 0 or more"
        } else if !within(self.epsilon) || !within(self.delta) {
            "`epsilon` and `delta` must be above 0 and below 1"
        } else if self.strong.is_some_and(|strong| strong >= models) {
            "the strong model must be one of the models"
        } else if !self.embeddings.is_empty() && self.embeddings.len() != prompts {
            "each prompt needs an embedding, or none does"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::InvalidRequest, problem))
    }
}

/// A prompt, with models by rising cost.
struct Row<'a> {
    expected: Vec<f64>,
    scores: Vec<f64>,
    embedding: &'a [f32],
}

/// What is tested, with what does not change between margins.
struct Sheet<'a> {
    claim: &'a Claim,
    /// The models by rising cost.
    order: Vec<usize>,
    costs: Vec<f64>,
    strong: usize,
    picked_of: usize,
    /// What the strong model's being picked leaves of δ.
    level: f64,
    test: Test,
    recalibrated: Recalibrated,
    tested: Vec<Row<'a>>,
}

/// A margin that may be used.
struct Found {
    margin: f64,
    loss: f64,
    bound: f64,
    p_value: f64,
}

impl<'a> Sheet<'a> {
    fn of(claim: &'a Claim) -> Self {
        let mean = |model: usize| claim.scores.iter().map(|row| row[model]).sum::<f64>();
        let mut order: Vec<usize> = (0..claim.models.len()).collect();
        // Of two at one cost the better one first: nobody asks the other.
        order.sort_by(|a, b| claim.costs[*a].total_cmp(&claim.costs[*b]).then(mean(*b).total_cmp(&mean(*a))));
        let costs: Vec<f64> = order.iter().map(|model| claim.costs[*model]).collect();
        let best = || (0..order.len()).rev().max_by(|a, b| mean(order[*a]).total_cmp(&mean(order[*b])));
        let given = claim.strong.and_then(|strong| order.iter().position(|model| *model == strong));
        let picked_of = if given.is_some() { 1 } else { order.len() };
        let (fitted, tested) = parts(claim);
        let recalibrated = recalibrated(claim, &order, &fitted);
        let row = |at: &usize| Row {
            expected: recalibrated.apply(&by(&order, &claim.predicted[*at])),
            scores: by(&order, &claim.scores[*at]),
            embedding: claim.embeddings.get(*at).map_or(&[], Vec::as_slice),
        };
        Self {
            tested: tested.iter().map(row).collect(),
            strong: given.or_else(best).unwrap_or_default(),
            // Whichever of so many models turned out best, what is said about it has to hold of each of them.
            level: claim.delta / picked_of as f64,
            test: claim.test.unwrap_or(match claim.loss {
                Loss::Mean => Test::Betting,
                Loss::Regret => Test::HoeffdingBentkus,
            }),
            claim,
            picked_of,
            recalibrated,
            costs,
            order,
        }
    }

    fn search(&self) -> Option<Found> {
        let margins = (-MARGINS..=MARGINS).map(|step| f64::from(step) / f64::from(MARGINS));
        let one_by_one = self.claim.search == Search::FixedSequence;
        let level = if one_by_one { self.level } else { self.level / f64::from(2 * MARGINS + 1) };
        let (mut found, mut before): (Option<Found>, Option<(Vec<usize>, f64)>) = (None, None);
        for margin in margins {
            let picks: Vec<usize> = self.tested.iter().map(|row| pick(&row.expected, self.strong, margin)).collect();
            // Margins between which no prompt changes its model have one p-value.
            let p_value = match &before {
                Some((same, p_value)) if *same == picks => *p_value,
                _ => self.test.p_value(&self.losses(&picks), self.claim.loss, self.claim.epsilon),
            };
            before = Some((picks, p_value));
            if p_value <= level {
                found = Some(Found { margin, p_value, loss: 0.0, bound: 0.0 });
            } else if one_by_one {
                break;
            }
        }
        let found = found?;
        let picks: Vec<usize> = self.tested.iter().map(|row| pick(&row.expected, self.strong, found.margin)).collect();
        let losses = self.losses(&picks);
        let loss = losses.iter().sum::<f64>() / losses.len() as f64;
        Some(Found { loss, bound: self.test.bound(&losses, self.claim.loss, level), ..found })
    }

    fn losses(&self, picks: &[usize]) -> Vec<f64> {
        let loss =
            |(row, model): (&Row<'_>, &usize)| self.claim.loss.between(row.scores[self.strong], row.scores[*model]);
        self.tested.iter().zip(picks).map(loss).collect()
    }

    /// What the prompts are like. What they are about is the mean of one half, from which the other half is looked at: a prompt is
    /// nearer to a mean that it is a part of.
    fn reference(&self, picks: &[usize]) -> Reference {
        let half = self.tested.len() / 2;
        let topic = centre(self.tested[..half].iter().map(|row| row.embedding));
        let about = Reference { counts: Vec::new(), topic };
        let look = |(at, (row, model)): (usize, (&Row<'_>, &usize))| {
            let near = if at < half { None } else { about.near(row.embedding) };
            look(&row.expected, self.strong, near, Some((*model, row.scores[*model])))
        };
        let looks: Vec<Look> = self.tested.iter().zip(picks).enumerate().map(look).collect();
        Reference::of(&looks, about.topic)
    }

    fn method(&self) -> String {
        let loss = match self.claim.loss {
            Loss::Mean => "mean loss of quality",
            Loss::Regret => "mean loss of quality, gains not counted",
        };
        let test = match self.test {
            Test::Betting => "betting",
            Test::HoeffdingBentkus => "Hoeffding–Bentkus",
        };
        let search = match self.claim.search {
            Search::FixedSequence => "fixed sequence",
            Search::Bonferroni => "Bonferroni",
        };
        let picked = match self.picked_of {
            1 => String::new(),
            of => format!(", corrected for picking the best of {of} models"),
        };
        format!("learn then test: {loss}, {test} p-values, {search}{picked}")
    }
}

/// The numbers of a request that the alarm looks at, from the expected scores of models by rising cost. `answer` is who was
/// asked, and the score of that answer.
pub fn look(expected: &[f64], strong: usize, near: Option<f64>, answer: Option<(usize, f64)>) -> Look {
    let best = expected.get(strong).copied();
    let cheaper = expected.iter().take(strong).copied().reduce(f64::max);
    let error = answer.and_then(|(model, score)| Some(score - expected.get(model)?));
    [best, best.zip(cheaper).map(|(best, cheaper)| best - cheaper), near, error]
}

/// The prompts to recalibrate on, and those to test on.
fn parts(claim: &Claim) -> (Vec<usize>, Vec<usize>) {
    let mut all: Vec<usize> = (0..claim.scores.len()).collect();
    if claim.recalibrate == Recalibrate::Not {
        return (Vec::new(), all);
    }
    Rng::with_seed(claim.seed).shuffle(&mut all);
    let tested = all.split_off((all.len() as f64 * RECALIBRATED_SHARE) as usize);
    (all, tested)
}

fn recalibrated(claim: &Claim, order: &[usize], fitted: &[usize]) -> Recalibrated {
    let pairs = |model: &usize| -> Vec<(f64, f64)> {
        fitted.iter().map(|at| (claim.predicted[*at][*model], claim.scores[*at][*model])).collect()
    };
    match claim.recalibrate {
        Recalibrate::Not => Recalibrated::Not,
        Recalibrate::Isotonic => {
            Recalibrated::Isotonic(order.iter().map(|model| Isotonic::fit(&pairs(model))).collect())
        }
        Recalibrate::Platt => Recalibrated::Platt(order.iter().map(|model| Platt::fit(&pairs(model))).collect()),
    }
}

fn by(order: &[usize], row: &[f64]) -> Vec<f64> {
    order.iter().map(|model| row[*model]).collect()
}

/// The mean, at length 1; nothing without embeddings of one length.
fn centre<'a>(embeddings: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    let mut sum: Vec<f32> = Vec::new();
    for embedding in embeddings {
        if sum.is_empty() {
            sum = vec![0.0; embedding.len()];
        }
        if sum.len() != embedding.len() {
            return Vec::new();
        }
        sum.iter_mut().zip(embedding).for_each(|(sum, number)| *sum += number);
    }
    let length = sum.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 && length.is_finite() { sum.iter().map(|number| number / length).collect() } else { Vec::new() }
}

#[cfg(test)]
mod tests;
