//! A data set and the strategies to compare on it → what each would have been worth.
//!
//! The same function measures the data as it is and each resample of it. A resample is drawn once for all strategies, so
//! their intervals belong together, and strategies keep their prompts sorted, so that drawing needs no sorting.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::{
    curve::{Point, Sample, Served, apgr, cpt, curve},
    frontier::{aiq, hull, saving},
    willing,
};
use crate::error::{Error, ErrorKind, Result};

/// The ends of an interval of 95 %.
const INTERVAL: (f64, f64) = (0.025, 0.975);
/// Deciles, where baselines that are known everywhere are drawn.
const TENTHS: u32 = 10;

/// What is to be found out.
#[derive(Clone, Debug, Deserialize)]
pub struct Study {
    /// For each prompt the score of each model.
    pub scores: Vec<Vec<f64>>,
    /// For each prompt what each model's answer cost.
    pub costs: Vec<Vec<f64>>,
    /// For each prompt the number of its domain.
    pub domains: Vec<usize>,
    /// The strategies to compare.
    pub plans: Vec<Plan>,
    /// The model that win rates are about.
    pub strong: usize,
    /// The model it is compared to.
    pub weak: usize,
    /// The win rate from which on a strategy that gives win rates counts as choosing the strong model.
    pub threshold: f64,
    /// How often the prompts are drawn anew for the intervals.
    pub resamples: usize,
    /// The seed of these draws.
    pub seed: u64,
}

/// How a strategy chooses.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// The model for each prompt, or none where the prompt was refused.
    Choices(Vec<Option<usize>>),
    /// For each prompt how likely the strong model is to be worth it.
    Wins(Vec<f64>),
    /// For each prompt the predicted quality of each model.
    Values(Vec<Vec<f64>>),
    /// The strong model for any share of the prompts, drawn at random: its expectation.
    Random,
    /// The best answer to each prompt, the cheapest of several.
    Oracle,
}

/// What was found out.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// In the order of the plans.
    pub strategies: Vec<Strategy>,
    /// Each model alone.
    pub models: Vec<Point>,
    /// The best single model.
    pub best: usize,
    /// What mixing single models at random reaches.
    pub mixing: Vec<Point>,
    /// The highest cost of any strategy, up to which AIQ is measured.
    pub most: f64,
}

/// What was found out about one strategy.
#[derive(Clone, Debug, Serialize)]
pub struct Strategy {
    /// Its measures.
    pub measures: Measures,
    /// The ends of 95 % of the resamples, where there are any.
    pub intervals: Vec<(String, f64, f64)>,
    /// Over the share of calls to the strong model.
    pub curve: Vec<Point>,
    /// The ways of running it, by cost and quality.
    pub frontier: Vec<Point>,
    /// How many prompts nobody answered.
    pub refused: usize,
    /// How often the oracle's model (first) met the chosen one (second).
    pub confusion: Vec<(usize, usize, usize)>,
    /// For each domain that has prompts.
    pub domains: Vec<Domain>,
}

/// A strategy on the prompts of one domain.
#[derive(Clone, Debug, Serialize)]
pub struct Domain {
    /// Its number.
    pub domain: usize,
    /// How many prompts.
    pub prompts: usize,
    /// The strategy's mean quality and cost.
    pub quality: f64,
    /// Its mean cost.
    pub cost: f64,
    /// The weak model's mean quality.
    pub weak: f64,
    /// The strong model's mean quality.
    pub strong: f64,
    /// The oracle's mean quality.
    pub oracle: f64,
}

/// The figures of one strategy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Measures {
    /// Mean quality as it would run.
    pub quality: f64,
    /// Mean cost of a prompt as it would run.
    pub cost: f64,
    /// The share of the gap between weak and strong that it recovers as it would run.
    pub pgr: Option<f64>,
    /// The average of that over all shares of calls.
    pub apgr: Option<f64>,
    /// The percentage of calls to the strong model for half of the gap.
    pub cpt50: Option<f64>,
    /// And for four fifths.
    pub cpt80: Option<f64>,
    /// The area under the cost–quality hull.
    pub aiq: Option<f64>,
    /// What 95 % of the best model's quality saves of its cost.
    pub cost_saved95: Option<f64>,
    /// And 99 %.
    pub cost_saved99: Option<f64>,
    /// How much better the oracle is.
    pub oracle_gap: f64,
}

impl Measures {
    fn named(&self) -> [(&'static str, Option<f64>); 10] {
        [
            ("quality", Some(self.quality)),
            ("cost", Some(self.cost)),
            ("pgr", self.pgr),
            ("apgr", self.apgr),
            ("cpt50", self.cpt50),
            ("cpt80", self.cpt80),
            ("aiq", self.aiq),
            ("cost_saved95", self.cost_saved95),
            ("cost_saved99", self.cost_saved99),
            ("oracle_gap", Some(self.oracle_gap)),
        ]
    }
}

/// Measures every strategy.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] where the tables do not fit each other.
pub fn study(study: &Study) -> Result<Findings> {
    study.check()?;
    let bench = Bench::new(study);
    let whole = bench.draw(vec![1; study.scores.len()]);
    let shapes: Vec<Shape> = (0..study.plans.len()).map(|plan| bench.shape(plan, &whole)).collect();
    let models: Vec<Point> = (0..study.scores[0].len()).map(|model| bench.alone(model, &whole.counts)).collect();
    let most = most(&shapes);
    let intervals = bench.intervals();
    let found = |(plan, (shape, intervals)): (usize, (Shape, _))| Strategy {
        measures: measures(&shape, &whole, most),
        intervals,
        refused: bench.choices(plan).filter(Option::is_none).count(),
        confusion: bench.confusion(plan),
        domains: bench.domains(plan),
        curve: shape.curve,
        frontier: shape.frontier,
    };
    Ok(Findings {
        mixing: hull(&models),
        best: bench.best,
        strategies: shapes.into_iter().zip(intervals).enumerate().map(found).collect(),
        models,
        most,
    })
}

impl Study {
    fn check(&self) -> Result<()> {
        let (prompts, models) = (self.scores.len(), self.scores.first().map_or(0, Vec::len));
        let wide = |table: &Vec<Vec<f64>>| {
            table.len() == prompts && table.iter().all(|row| row.len() == models && row.iter().all(|v| v.is_finite()))
        };
        let fits = |plan: &Plan| match plan {
            Plan::Choices(choices) => choices.len() == prompts && choices.iter().flatten().all(|model| *model < models),
            Plan::Wins(wins) => wins.len() == prompts && wins.iter().all(|win| win.is_finite()),
            Plan::Values(values) => wide(values),
            Plan::Random | Plan::Oracle => true,
        };
        let problem = if prompts == 0 || models < 2 {
            "an evaluation needs at least one prompt and two models"
        } else if !wide(&self.scores) || !wide(&self.costs) || self.domains.len() != prompts {
            "each prompt needs a score and a cost of each model, all of them finite numbers"
        } else if self.strong >= models || self.weak >= models || self.strong == self.weak {
            "the weak and the strong model must be two of the models"
        } else if !self.plans.iter().all(fits) {
            "each strategy needs a choice, a finite win rate or finite predictions for each prompt"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::InvalidRequest, problem))
    }
}

/// A strategy on one sample of the prompts.
struct Shape {
    runs: Served,
    curve: Vec<Point>,
    frontier: Vec<Point>,
}

/// One sample of the prompts, with what every strategy is compared to on it.
struct Draw {
    /// How often each prompt is in it.
    counts: Vec<usize>,
    weak: Point,
    strong: Point,
    best: Point,
    oracle: f64,
}

/// A study with what does not change between resamples.
struct Bench<'a> {
    study: &'a Study,
    oracle: Vec<usize>,
    best: usize,
    /// For each plan its prompts by rising win rate, or by what the strong model gains; empty for those without a curve.
    order: Vec<Vec<usize>>,
    /// For each plan that predicts qualities its ways of running: the model of each prompt. Empty for the others.
    ways: Vec<Vec<Vec<usize>>>,
    /// For each plan whether every prompt went to the weak or the strong model.
    between_two: Vec<bool>,
}

impl<'a> Bench<'a> {
    fn new(study: &'a Study) -> Self {
        let models = study.scores[0].len();
        let mean = |model: usize| study.scores.iter().map(|row| row[model]).sum::<f64>();
        let spent = |model: usize| study.costs.iter().map(|row| row[model]).sum::<f64>();
        // Of equally good ones the cheapest; of those the first.
        let better = |a: &usize, b: &usize| mean(*b).total_cmp(&mean(*a)).then(spent(*a).total_cmp(&spent(*b)));
        let best = (0..models).min_by(better).unwrap_or_default();
        let oracle = (0..study.scores.len()).map(|prompt| oracle(&study.scores[prompt], &study.costs[prompt]));
        let two = |plan: &Plan| match plan {
            Plan::Choices(choices) => {
                choices.iter().all(|model| [Some(study.strong), Some(study.weak)].contains(model))
            }
            Plan::Wins(_) | Plan::Values(_) | Plan::Random | Plan::Oracle => false,
        };
        let expected: Vec<f64> = (0..models).map(|model| spent(model) / study.costs.len() as f64).collect();
        let ways = |plan: &Plan| match plan {
            Plan::Values(values) => willing::choices(values, &expected),
            Plan::Choices(_) | Plan::Wins(_) | Plan::Random | Plan::Oracle => Vec::new(),
        };
        Self {
            study,
            oracle: oracle.collect(),
            best,
            order: study.plans.iter().map(|plan| order(study, plan)).collect(),
            ways: study.plans.iter().map(ways).collect(),
            between_two: study.plans.iter().map(two).collect(),
        }
    }

    /// The sample in which each prompt is so often.
    fn draw(&self, counts: Vec<usize>) -> Draw {
        let alone = |model| self.alone(model, &counts);
        let oracle = mean(&counts, |prompt| self.served(prompt, self.oracle[prompt])).quality;
        Draw { weak: alone(self.study.weak), strong: alone(self.study.strong), best: alone(self.best), oracle, counts }
    }

    fn served(&self, prompt: usize, model: usize) -> Served {
        Served { quality: self.study.scores[prompt][model], cost: self.study.costs[prompt][model] }
    }

    /// How a plan would run on one prompt.
    fn runs(&self, plan: usize, prompt: usize) -> Served {
        if let Plan::Random = self.study.plans[plan] {
            let (weak, strong) = (self.served(prompt, self.study.weak), self.served(prompt, self.study.strong));
            return Served {
                quality: f64::midpoint(weak.quality, strong.quality),
                cost: f64::midpoint(weak.cost, strong.cost),
            };
        }
        // Who gets no answer pays nothing and has nothing.
        self.choice(plan, prompt).map_or(Served::default(), |model| self.served(prompt, model))
    }

    fn choice(&self, plan: usize, prompt: usize) -> Option<usize> {
        let Study { strong, weak, threshold, .. } = self.study;
        match &self.study.plans[plan] {
            Plan::Choices(choices) => choices[prompt],
            Plan::Wins(wins) => Some(if wins[prompt] >= *threshold { *strong } else { *weak }),
            // Without a price of quality the best predicted model answers.
            Plan::Values(_) => Some(self.ways[plan][0][prompt]),
            Plan::Oracle => Some(self.oracle[prompt]),
            Plan::Random => Some(*weak),
        }
    }

    fn choices(&self, plan: usize) -> impl Iterator<Item = Option<usize>> {
        (0..self.study.scores.len()).map(move |prompt| self.choice(plan, prompt))
    }

    fn alone(&self, model: usize, counts: &[usize]) -> Point {
        let served = mean(counts, |prompt| self.served(prompt, model));
        Point { strong: f64::from(u8::from(model == self.study.strong)), quality: served.quality, cost: served.cost }
    }

    fn shape(&self, plan: usize, draw: &Draw) -> Shape {
        let counts = &draw.counts;
        let runs = mean(counts, |prompt| self.runs(plan, prompt));
        let here = Point { strong: self.strong_share(plan, counts), quality: runs.quality, cost: runs.cost };
        let Draw { weak, strong, .. } = *draw;
        let (curve, frontier) = match &self.study.plans[plan] {
            Plan::Wins(wins) => {
                let curve = curve(&self.samples(plan, counts, |prompt| wins[prompt]));
                (curve.clone(), curve)
            }
            Plan::Values(values) => {
                let gain = |prompt: usize| values[prompt][self.study.strong] - values[prompt][self.study.weak];
                // From the cheapest on, like a curve: where it ends, the best single model is near.
                let ways = self.ways[plan].iter().rev().map(|way| self.run(way, counts));
                (curve(&self.samples(plan, counts, gain)), ways.collect())
            }
            Plan::Random => {
                let share = |tenth| f64::from(tenth) / f64::from(TENTHS);
                let curve: Vec<Point> = (0..=TENTHS).map(|tenth| blend(weak, strong, share(tenth))).collect();
                (curve.clone(), curve)
            }
            Plan::Oracle => (self.ideal(plan, counts), vec![here]),
            Plan::Choices(_) if self.between_two[plan] => {
                let inside = (here.strong > 0.0 && here.strong < 1.0).then_some(here);
                ([weak].into_iter().chain(inside).chain([strong]).collect(), vec![here])
            }
            Plan::Choices(_) => (Vec::new(), vec![here]),
        };
        Shape { runs, curve, frontier }
    }

    /// Where it comes out if these models answer.
    fn run(&self, way: &[usize], counts: &[usize]) -> Point {
        let runs = mean(counts, |prompt| self.served(prompt, way[prompt]));
        let strong = |prompt: usize| f64::from(u8::from(way[prompt] == self.study.strong));
        let strong = mean(counts, |prompt| Served { quality: strong(prompt), cost: 0.0 }).quality;
        Point { strong, quality: runs.quality, cost: runs.cost }
    }

    fn strong_share(&self, plan: usize, counts: &[usize]) -> f64 {
        let strong = |prompt: usize| f64::from(u8::from(self.choice(plan, prompt) == Some(self.study.strong)));
        mean(counts, |prompt| Served { quality: strong(prompt), cost: 0.0 }).quality
    }

    /// The prompts of a plan in its order, each as often as it counts.
    fn samples(&self, plan: usize, counts: &[usize], win: impl Fn(usize) -> f64) -> Vec<Sample> {
        let (weak, strong) = (self.study.weak, self.study.strong);
        let sample =
            |prompt| Sample { win: win(prompt), weak: self.served(prompt, weak), strong: self.served(prompt, strong) };
        let order = self.order[plan].iter();
        order.flat_map(|prompt| std::iter::repeat_n(sample(*prompt), counts[*prompt])).collect()
    }

    /// The curve of who knows beforehand where the strong model gains most.
    fn ideal(&self, plan: usize, counts: &[usize]) -> Vec<Point> {
        let mut samples = self.samples(plan, counts, |_| 0.0);
        // Numbered by rank no two prompts are alike, so that every tenth is a tenth.
        for (rank, sample) in samples.iter_mut().enumerate() {
            sample.win = rank as f64;
        }
        curve(&samples)
    }

    /// For each plan the ends of each measure over the resamples.
    fn intervals(&self) -> Vec<Vec<(String, f64, f64)>> {
        let (plans, prompts) = (self.study.plans.len(), self.study.scores.len());
        let mut rng = Rng::with_seed(self.study.seed);
        let mut drawn: Vec<Vec<Measures>> = vec![Vec::new(); plans];
        for _ in 0..self.study.resamples {
            let mut counts = vec![0; prompts];
            (0..prompts).for_each(|_| counts[rng.usize(..prompts)] += 1);
            let draw = self.draw(counts);
            let shapes: Vec<Shape> = (0..plans).map(|plan| self.shape(plan, &draw)).collect();
            let most = most(&shapes);
            for (drawn, shape) in drawn.iter_mut().zip(&shapes) {
                drawn.push(measures(shape, &draw, most));
            }
        }
        drawn.iter().map(|drawn| ends(drawn)).collect()
    }

    fn confusion(&self, plan: usize) -> Vec<(usize, usize, usize)> {
        if matches!(self.study.plans[plan], Plan::Random) {
            return Vec::new();
        }
        let models = self.study.scores[0].len();
        let mut counts = vec![vec![0; models]; models];
        for (oracle, choice) in self.oracle.iter().zip(self.choices(plan)) {
            if let Some(choice) = choice {
                counts[*oracle][choice] += 1;
            }
        }
        let cells = (0..models).flat_map(|oracle| (0..models).map(move |choice| (oracle, choice)));
        cells.map(|(oracle, choice)| (oracle, choice, counts[oracle][choice])).filter(|cell| cell.2 > 0).collect()
    }

    fn domains(&self, plan: usize) -> Vec<Domain> {
        let last = self.study.domains.iter().max().copied().unwrap_or_default();
        let domain = |domain: usize| {
            let counts: Vec<usize> = self.study.domains.iter().map(|of| usize::from(*of == domain)).collect();
            let runs = mean(&counts, |prompt| self.runs(plan, prompt));
            Domain {
                domain,
                prompts: counts.iter().sum(),
                quality: runs.quality,
                cost: runs.cost,
                weak: self.alone(self.study.weak, &counts).quality,
                strong: self.alone(self.study.strong, &counts).quality,
                oracle: mean(&counts, |prompt| self.served(prompt, self.oracle[prompt])).quality,
            }
        };
        (0..=last).map(domain).filter(|domain| domain.prompts > 0).collect()
    }
}

/// The figures of a strategy on a sample.
fn measures(shape: &Shape, draw: &Draw, most: f64) -> Measures {
    let (weak, strong, best) = (draw.weak.quality, draw.strong.quality, draw.best);
    let pgr = (shape.runs.quality - weak) / (strong - weak);
    Measures {
        quality: shape.runs.quality,
        cost: shape.runs.cost,
        pgr: pgr.is_finite().then_some(pgr),
        apgr: apgr(&shape.curve, weak, strong),
        cpt50: cpt(&shape.curve, weak, strong, 0.5),
        cpt80: cpt(&shape.curve, weak, strong, 0.8),
        aiq: aiq(&shape.frontier, most),
        cost_saved95: saving(&shape.frontier, best, 0.95),
        cost_saved99: saving(&shape.frontier, best, 0.99),
        oracle_gap: draw.oracle - shape.runs.quality,
    }
}

/// The prompts of a plan in the order of its curve.
fn order(study: &Study, plan: &Plan) -> Vec<usize> {
    let gain = |table: &[Vec<f64>], prompt: usize| table[prompt][study.strong] - table[prompt][study.weak];
    let by_gain = |order: &mut Vec<usize>, table: &[Vec<f64>]| {
        order.sort_by(|a, b| gain(table, *a).total_cmp(&gain(table, *b)));
    };
    let mut order: Vec<usize> = (0..study.scores.len()).collect();
    match plan {
        Plan::Wins(wins) => order.sort_by(|a, b| wins[*a].total_cmp(&wins[*b])),
        Plan::Values(values) => by_gain(&mut order, values),
        Plan::Oracle => by_gain(&mut order, &study.scores),
        Plan::Choices(_) | Plan::Random => order.clear(),
    }
    order
}

/// The best answer, the cheapest of several, the first of those.
fn oracle(scores: &[f64], costs: &[f64]) -> usize {
    let better = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(costs[*a].total_cmp(&costs[*b]));
    (0..scores.len()).min_by(better).unwrap_or_default()
}

/// The mean over the prompts, each as often as it counts.
fn mean(counts: &[usize], served: impl Fn(usize) -> Served) -> Served {
    let (mut quality, mut cost, mut total) = (0.0, 0.0, 0.0);
    for (prompt, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (one, count) = (served(prompt), *count as f64);
        quality += one.quality * count;
        cost += one.cost * count;
        total += count;
    }
    Served { quality: quality / total, cost: cost / total }
}

fn blend(from: Point, to: Point, share: f64) -> Point {
    let mix = |from: f64, to: f64| from * (1.0 - share) + to * share;
    Point { strong: share, quality: mix(from.quality, to.quality), cost: mix(from.cost, to.cost) }
}

fn most(shapes: &[Shape]) -> f64 {
    shapes.iter().flat_map(|shape| &shape.frontier).map(|point| point.cost).fold(0.0, f64::max)
}

fn ends(drawn: &[Measures]) -> Vec<(String, f64, f64)> {
    let names = Measures::default().named().map(|(name, _)| name);
    let interval = |(at, name): (usize, &str)| {
        let mut values: Vec<f64> = drawn.iter().filter_map(|measures| measures.named()[at].1).collect();
        values.sort_by(f64::total_cmp);
        let end = |part: f64| values.get((part * values.len().checked_sub(1)? as f64).round() as usize).copied();
        Some((name.to_owned(), end(INTERVAL.0)?, end(INTERVAL.1)?))
    };
    names.into_iter().enumerate().filter_map(interval).collect()
}

#[cfg(test)]
mod tests;
