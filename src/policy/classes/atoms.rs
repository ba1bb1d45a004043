//! Reads conditions for what they look at, and puts a variable in place of what is not understood.

use cel::{
    IdedExpr,
    common::ast::{Expr, LiteralValue, operators},
};
use serde_json::{Number, Value};

use super::{Mentions, Variable, Variables};
use crate::{policy::program::children, signals::own::Shape};

const FLAGS: [&str; 6] = ["has_images", "has_audio", "has_files", "has_tools", "has_schema", "stream"];
const NUMBERS: [&str; 4] = ["tokens", "turns", "complexity", "injection"];
const WORDS: [&str; 4] = ["intent", "language", "user", "session"];
const PARTS: [&str; 4] = ["any", "personal", "secrets", "health"];
/// Beyond this, whole numbers and fractions do not compare exactly.
const EXACT: f64 = 4_503_599_627_370_496.0;

/// Strings of a part that is not understood which are tried as values.
const HINTS: usize = 4;

/// Reads conditions one after the other.
#[derive(Debug)]
pub(in crate::policy) struct Reader<'a> {
    variables: &'a mut Variables,
    /// The user's own signals.
    own: &'a [Shape],
    /// Set apart in the names of parts over `tags`: rules add tags, so that one part may differ from rule to rule.
    place: String,
}

impl<'a> Reader<'a> {
    /// `place` tells conditions apart that see different tags.
    pub(in crate::policy) fn new(variables: &'a mut Variables, own: &'a [Shape], place: String) -> Self {
        Self { variables, own, place }
    }

    /// Reads a whole condition, or a part of one that is true or false.
    pub(in crate::policy) fn condition(&mut self, node: &mut IdedExpr, source: &str) {
        match &mut node.expr {
            Expr::Literal(LiteralValue::Boolean(_)) => return,
            Expr::Call(call) if call.target.is_none() && joins(&call.func_name) => {
                return call.args.iter_mut().for_each(|part| self.condition(part, source));
            }
            _ => {}
        }
        if self.atom(node).is_none() {
            self.opaque(node, source);
        }
    }

    /// A part that asks one thing of one variable; absent if it is none.
    fn atom(&mut self, node: &IdedExpr) -> Option<()> {
        if let Expr::Select(select) = &node.expr
            && select.test
        {
            let key = variable(&select.operand, Some(&select.field), self.own)?;
            self.note(key, |mentions| mentions.presence = true);
            return Some(());
        }
        if variable(node, None, self.own).is_some() {
            return self.look(node, |mentions| mentions.as_bool = true);
        }
        let Expr::Call(call) = &node.expr else { return self.finite(node) };
        let [left, right] = call.args.as_slice() else { return self.finite(node) };
        let understood = match call.func_name.as_str() {
            operators::EQUALS | operators::NOT_EQUALS => {
                self.equality(left, right).or_else(|| self.equality(right, left))
            }
            operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS => {
                self.order(left, right).or_else(|| self.order(right, left))
            }
            operators::IN => self.membership(left, right),
            _ => None,
        };
        understood.or_else(|| self.finite(node))
    }

    fn equality(&mut self, of: &IdedExpr, value: &IdedExpr) -> Option<()> {
        let value = literal(value)?;
        self.look(of, |mentions| mention(mentions, value))
    }

    fn order(&mut self, of: &IdedExpr, value: &IdedExpr) -> Option<()> {
        let (variable, value) = (variable(of, None, self.own)?, literal(value)?);
        let ordered =
            matches!(variable, Variable::Number(_) | Variable::Budget(_) | Variable::Metadata(_) | Variable::Own(..));
        let number = value.as_f64().filter(|_| ordered)?;
        self.look(of, |mentions| mentions.numbers.push(number))
    }

    fn membership(&mut self, item: &IdedExpr, list: &IdedExpr) -> Option<()> {
        if let Expr::List(list) = &list.expr {
            let values: Vec<Value> = list.elements.iter().map(literal).collect::<Option<_>>()?;
            return self.look(item, |mentions| values.into_iter().for_each(|value| mention(mentions, value)));
        }
        let item = literal(item)?.as_str()?.to_owned();
        match &list.expr {
            Expr::Ident(name) if name == "tags" => self.note(Variable::Tag(item), |_| {}),
            Expr::Ident(name) if name == "metadata" => self.note(Variable::Metadata(item), |m| m.presence = true),
            Expr::Select(select) if is(&select.operand, "sensitive") && select.field == "types" && !select.test => {
                self.note(Variable::Sensitive, |mentions| mentions.members.push(format!("types.{item}")));
            }
            _ => match variable(list, None, self.own)? {
                found @ (Variable::Metadata(_) | Variable::Own(..)) => {
                    self.note(found, |mentions| mentions.members.push(item));
                }
                _ => return None,
            },
        }
        Some(())
    }

    /// A part over variables of which every value is tried: then it needs no understanding.
    fn finite(&mut self, node: &IdedExpr) -> Option<()> {
        let mut found = Vec::new();
        let all = every(node, &mut |node| {
            let is_finite = match (&node.expr, variable(node, None, self.own)) {
                (_, Some(variable @ (Variable::Flag(_) | Variable::Model | Variable::Sensitive))) => {
                    found.push((variable, part_of(node)));
                    return Some(true);
                }
                (Expr::Ident(_), _) => false,
                _ => return None,
            };
            Some(is_finite)
        });
        if !all {
            return None;
        }
        for (variable, part) in found {
            self.note(variable, |mentions| mentions.members.extend(part));
        }
        Some(())
    }

    /// Notes what is asked of the variable that `node` names.
    fn look(&mut self, node: &IdedExpr, add: impl FnOnce(&mut Mentions)) -> Option<()> {
        let variable = variable(node, None, self.own)?;
        self.note(variable, |mentions| {
            mentions.members.extend(part_of(node));
            add(mentions);
        });
        Some(())
    }

    fn note(&mut self, variable: Variable, add: impl FnOnce(&mut Mentions)) {
        add(self.variables.of(variable));
    }

    /// Puts a variable in place of `node`. What is written in it may help to find an example.
    fn opaque(&mut self, node: &mut IdedExpr, source: &str) {
        self.hints(node);
        let id = node.id;
        let mut plain = node.clone();
        without_ids(&mut plain);
        let reads_tags = !every(node, &mut |node| is(node, "tags").then_some(false));
        let place = if reads_tags { self.place.as_str() } else { "" };
        // No name that a condition can write.
        let name = format!("?{place}{:?}", plain.expr);
        self.variables.of(Variable::Opaque(name.clone()));
        self.variables.opaque.entry(name.clone()).or_insert_with(|| source.to_owned());
        *node = IdedExpr { id, expr: Expr::Ident(name) };
    }

    fn hints(&mut self, node: &IdedExpr) {
        let mut strings = Vec::new();
        let (mut variables, mut tags) = (Vec::new(), false);
        every(node, &mut |node| {
            if let Some(text) = literal(node).and_then(|value| value.as_str().map(str::to_owned)) {
                strings.push(text);
            }
            match &node.expr {
                Expr::Ident(name) if name == "text" => variables.push(Variable::Text),
                Expr::Ident(name) if name == "now" => variables.push(Variable::Now),
                Expr::Ident(name) if name == "tags" => tags = true,
                _ => variables
                    .extend(variable(node, None, self.own).filter(|found| !matches!(found, Variable::Sensitive))),
            }
            None
        });
        strings.truncate(HINTS);
        if tags {
            for tag in &strings {
                self.note(Variable::Tag(tag.clone()), |_| {});
            }
        }
        for variable in variables {
            let values = strings.clone();
            let is_text = variable == Variable::Text;
            self.note(variable, |mentions| {
                if is_text {
                    mentions.members.extend(values);
                } else {
                    mentions.values.extend(values.into_iter().map(Value::from));
                }
            });
        }
    }
}

/// Calls `look` on every node until it says yes or no of one; a yes spares the parts. Whether nothing said no.
fn every(node: &IdedExpr, look: &mut impl FnMut(&IdedExpr) -> Option<bool>) -> bool {
    match look(node) {
        Some(answer) => answer,
        None => children(&mut node.clone()).into_iter().all(|part| every(part, look)),
    }
}

fn joins(function: &str) -> bool {
    let joining = [operators::LOGICAL_AND, operators::LOGICAL_OR, operators::LOGICAL_NOT, operators::CONDITIONAL];
    joining.contains(&function)
}

fn mention(mentions: &mut Mentions, value: Value) {
    mentions.numbers.extend(value.as_f64());
    mentions.values.push(value);
}

fn is(node: &IdedExpr, name: &str) -> bool {
    matches!(&node.expr, Expr::Ident(own) if own == name)
}

/// What `node` names, or what stands under `field` of it.
fn variable(node: &IdedExpr, field: Option<&str>, own: &[Shape]) -> Option<Variable> {
    let known = |table: &[&'static str], name: &str| table.iter().find(|known| **known == name).copied();
    if let Some(field) = field {
        return is(node, "metadata").then(|| Variable::Metadata(field.to_owned()));
    }
    match &node.expr {
        Expr::Ident(name) if name == "model" => Some(Variable::Model),
        Expr::Ident(name) => known(&FLAGS, name)
            .map(Variable::Flag)
            .or_else(|| known(&NUMBERS, name).map(Variable::Number))
            .or_else(|| known(&WORDS, name).map(Variable::Word))
            .or_else(|| {
                let own = own.iter().find(|own| own.name == *name)?;
                Some(Variable::Own(name.clone(), None, own.yields))
            }),
        _ => {
            let (of, key) = entry(node)?;
            match &of.expr {
                Expr::Ident(name) if name == "metadata" => Some(Variable::Metadata(key)),
                Expr::Ident(name) if name == "budgets" => Some(Variable::Budget(key)),
                Expr::Ident(name) if own.iter().any(|own| own.name == *name) => {
                    let own = own.iter().find(|own| own.name == *name)?;
                    let yields = own.fields.iter().find(|(name, _)| *name == key).map(|(_, yields)| *yields);
                    Some(Variable::Own(name.clone(), Some(key), yields.unwrap_or_default()))
                }
                Expr::Ident(name) if name == "sensitive" && PARTS.contains(&key.as_str()) => Some(Variable::Sensitive),
                _ => None,
            }
        }
    }
}

/// `map.key` and `map['key']`.
fn entry(node: &IdedExpr) -> Option<(&IdedExpr, String)> {
    match &node.expr {
        Expr::Select(select) if !select.test => Some((&select.operand, select.field.clone())),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [of, key] => Some((of, literal(key)?.as_str()?.to_owned())),
            _ => None,
        },
        _ => None,
    }
}

/// The part of `sensitive` that is asked for.
fn part_of(node: &IdedExpr) -> Option<String> {
    entry(node).filter(|(of, _)| is(of, "sensitive")).map(|(_, part)| part)
}

/// A constant that JSON can hold and that compares exactly.
fn literal(node: &IdedExpr) -> Option<Value> {
    let exact = |number: f64| (number.abs() < EXACT).then_some(number);
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().into()),
        Expr::Literal(LiteralValue::Boolean(flag)) => Some((*flag.inner()).into()),
        Expr::Literal(LiteralValue::Null) => Some(Value::Null),
        Expr::Literal(LiteralValue::Int(number)) => exact(*number.inner() as f64).map(|_| (*number.inner()).into()),
        Expr::Literal(LiteralValue::UInt(number)) => exact(*number.inner() as f64).map(|_| (*number.inner()).into()),
        Expr::Literal(LiteralValue::Double(number)) => {
            exact(*number.inner()).and_then(Number::from_f64).map(Value::Number)
        }
        Expr::Call(call) if call.func_name == operators::NEGATE => match call.args.as_slice() {
            [number] => literal(number)?.as_f64().and_then(|number| Number::from_f64(-number)).map(Value::Number),
            _ => None,
        },
        _ => None,
    }
}

fn without_ids(node: &mut IdedExpr) {
    node.id = 0;
    children(node).into_iter().for_each(without_ids);
}
