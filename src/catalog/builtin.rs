//! The bundled catalogue: what is known about models that the user has said nothing about.
//!
//! `builtin.json` is written by `scripts/catalogue.py` and read once, when first asked. What it does not say is unknown: no
//! fact and no price is ever concluded from a name that merely resembles another. A fact may come from the model's own
//! vendor where a marketplace or a server of the user's offers the same model; a price never does, except Azure's, which are
//! `OpenAI`'s unless Azure has its own. The user's own words stand above all of it ([`ModelFacts::or`]).

use std::{
    collections::BTreeMap,
    sync::{LazyLock, OnceLock},
};

use serde::Deserialize;

use super::{ModelFacts, Price, names};

/// The file. A test proves that it parses; if it did not, nothing would be known, and nothing would break.
const FILE: &str = include_str!("builtin.json");

/// Sellers of many vendors' models, under `vendor/model`.
const MARKETPLACES: [&str; 4] = ["openrouter", "vercel", "github", "huggingface"];

/// Servers of the user's own: the weights' facts hold, the price is the user's to say.
const LOCAL: [&str; 6] = ["vllm", "sglang", "llamacpp", "lmstudio", "ollama", "openai-compatible"];

/// One model at one provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Whose row it is: the provider asked for, or the vendor the facts were taken from (`open` for open weights).
    pub provider: &'static str,
    /// The model's name as its provider writes it.
    pub model: &'static str,
    /// What it can do.
    pub facts: ModelFacts,
    /// What it costs; absent means unknown, never free.
    pub price: Option<Price>,
}

/// What is known about `model` at `provider`; `None` if nothing is.
///
/// Tried in turn: the name as written; without a path before it (`models/…`) or the date of a snapshot behind it; the newest
/// snapshot of the name; then the same model's other row (Azure: `OpenAI`'s, with its price; marketplaces: without the variant, or
/// the vendor's; Bedrock: without the region; all these without a price) and, for
/// servers of the user's own, open weights by their exact name at Hugging Face.
pub fn lookup(provider: &str, model: &str) -> Option<&'static Entry> {
    let catalogue = &*CATALOGUE;
    catalogue
        .own(provider, &names::spellings(model))
        .map(|row| &row.entry)
        .or_else(|| catalogue.inherited(provider, model))
}

/// All rows, by provider and name. Open weights without a provider are not among them.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    CATALOGUE.shelves.values().flat_map(BTreeMap::values).map(|row| &row.entry)
}

/// The day whose prices these are, as `YYYY-MM-DD`.
pub fn as_of() -> &'static str {
    CATALOGUE.as_of
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::read(FILE).unwrap_or_default());

/// The rows of one provider, by name in lower case.
type Shelf = BTreeMap<String, Row>;

#[derive(Debug, Default)]
struct Catalogue {
    as_of: &'static str,
    shelves: BTreeMap<&'static str, Shelf>,
    open: Shelf,
}

#[derive(Debug)]
struct Row {
    entry: Entry,
    /// The same without its price, made when first asked for.
    unpriced: OnceLock<Entry>,
}

impl Row {
    fn unpriced(&self) -> &Entry {
        self.unpriced.get_or_init(|| Entry { price: None, ..self.entry.clone() })
    }
}

impl Catalogue {
    fn read(text: &'static str) -> serde_json::Result<Self> {
        let file: File = serde_json::from_str(text)?;
        let shelves = file.models.into_iter().map(|(provider, rows)| (provider, shelf(provider, rows))).collect();
        let mut catalogue = Self { as_of: file.as_of, shelves, open: shelf("open", file.open) };
        for provider in MARKETPLACES.into_iter().chain(["azure"]) {
            let Some(mut rows) = catalogue.shelves.remove(provider) else { continue };
            for row in rows.values_mut() {
                if let Some(vendor) = catalogue.inherited(provider, row.entry.model) {
                    row.entry.facts = row.entry.facts.or(&vendor.facts);
                }
            }
            catalogue.shelves.insert(provider, rows);
        }
        Ok(catalogue)
    }

    /// The first of `spellings` on the provider's shelf, or the newest snapshot of the last one, which is the barest.
    fn own(&self, provider: &str, spellings: &[String]) -> Option<&Row> {
        let rows = self.shelves.get(provider)?;
        spellings.iter().find_map(|name| rows.get(name)).or_else(|| newest(rows, spellings.last()?))
    }

    /// What another shelf knows about the same model.
    fn inherited(&self, provider: &str, model: &str) -> Option<&Entry> {
        if provider == "azure" {
            return self.own("openai", &names::spellings(model)).map(|row| &row.entry);
        }
        let row = if provider == "bedrock" {
            self.own(provider, &[names::without_profile(&model.to_ascii_lowercase())?.to_owned()])
        } else if MARKETPLACES.contains(&provider) {
            let plain = [names::without_variant(model).to_ascii_lowercase()];
            let vendor = || names::at_vendor(model).and_then(|(vendor, names)| self.own(vendor, &names));
            self.own(provider, &plain).or_else(vendor).or_else(|| self.open.get(&plain[0]))
        } else if LOCAL.contains(&provider) {
            self.open.get(&model.to_ascii_lowercase())
        } else {
            None
        };
        row.map(Row::unpriced)
    }
}

/// The newest dated snapshot of `base`.
fn newest<'a>(shelf: &'a Shelf, base: &str) -> Option<&'a Row> {
    let later = shelf.range(base.to_owned()..).take_while(|(name, _)| name.starts_with(base));
    later.filter(|(name, _)| names::is_date(&name[base.len()..])).last().map(|(_, row)| row)
}

fn shelf(provider: &'static str, rows: BTreeMap<&'static str, Written>) -> Shelf {
    let row = |(model, written): (&'static str, Written)| {
        let entry = Entry { provider, model, facts: written.facts(), price: written.price };
        (model.to_ascii_lowercase(), Row { entry, unpriced: OnceLock::new() })
    };
    rows.into_iter().map(row).collect()
}

/// The file as it is written; `scripts/catalogue.py` explains its letters.
#[derive(Deserialize)]
struct File {
    #[serde(borrow)]
    as_of: &'static str,
    #[serde(borrow)]
    models: BTreeMap<&'static str, BTreeMap<&'static str, Written>>,
    #[serde(borrow)]
    open: BTreeMap<&'static str, Written>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    #[serde(rename = "w")]
    window: Option<u64>,
    #[serde(rename = "i")]
    input: Option<u64>,
    #[serde(rename = "o")]
    output: Option<u64>,
    /// A letter for each known ability, a capital for a no.
    #[serde(rename = "a")]
    abilities: &'static str,
    /// The fields of [`Price`] in their order, as far as there are any.
    #[serde(rename = "p")]
    price: Option<Price>,
}

impl Written {
    fn facts(&self) -> ModelFacts {
        let mut facts = ModelFacts {
            context_window: self.window,
            max_input: self.input,
            max_output: self.output,
            ..ModelFacts::default()
        };
        for letter in self.abilities.chars() {
            let known = Some(letter.is_ascii_lowercase());
            match letter.to_ascii_lowercase() {
                'v' => facts.vision = known,
                'a' => facts.audio = known,
                'f' => facts.files = known,
                't' => facts.tools = known,
                'p' => facts.parallel_tools = known,
                's' => facts.json_schema = known,
                'j' => facts.json_mode = known,
                'r' => facts.reasoning = known,
                'c' => facts.prefill = known,
                'l' => facts.logprobs = known,
                'd' => facts.seed = known,
                'e' => facts.embedding = known,
                _ => {}
            }
        }
        facts
    }
}

#[cfg(test)]
mod tests;
