//! The log asked in SQL.
//!
//! By this library's SQLite, also for Python, which has one of its own: locks belong to a process and not to a library, so
//! when one of the two closes its file it lets go of the other one's locks, and then removes what the other one still uses.

use std::{collections::HashMap, path::Path};

pub use rusqlite::types::Value as Cell;
use rusqlite::{Connection, Statement};

use super::verify::open;

/// Values for the parameters of a query.
#[derive(Clone, Debug)]
pub enum Parameters {
    /// In order, for `?`.
    Ordered(Vec<Cell>),
    /// By name, for `:name`.
    Named(HashMap<String, Cell>),
}

/// Why a query has no answer, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no such file, or it is no log.
    File(String),
    /// The query is wrong.
    Query(String),
}

/// The rows of an answer, under the names of their columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The names.
    pub columns: Vec<String>,
    /// As many cells each.
    pub rows: Vec<Vec<Cell>>,
}

/// The rows that `sql` finds in the log at `path`; it cannot write.
///
/// # Errors
/// [`Trouble`].
pub fn query(path: &Path, sql: &str, parameters: &Parameters) -> Result<Table, Trouble> {
    let db = open(path).map_err(Trouble::File)?;
    ask(&db, sql, parameters).map_err(Trouble::Query)
}

fn ask(db: &Connection, sql: &str, parameters: &Parameters) -> Result<Table, String> {
    let mut statement = db.prepare(sql).map_err(|error| error.to_string())?;
    bind(&mut statement, parameters)?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let (mut found, mut rows) = (statement.raw_query(), Vec::new());
    while let Some(row) = found.next().map_err(|error| error.to_string())? {
        let cells: Result<Vec<Cell>, _> = (0..columns.len()).map(|at| row.get(at)).collect();
        rows.push(cells.map_err(|error| error.to_string())?);
    }
    drop(found);
    Ok(Table { columns, rows })
}

fn bind(statement: &mut Statement<'_>, parameters: &Parameters) -> Result<(), String> {
    let wanted = statement.parameter_count();
    if let Parameters::Ordered(cells) = parameters
        && cells.len() != wanted
    {
        return Err(format!("it has {wanted} parameters, and {} values were given", cells.len()));
    }
    for at in 1..=wanted {
        let cell = match parameters {
            Parameters::Ordered(cells) => cells.get(at - 1),
            // The first character of a name says that it is one.
            Parameters::Named(cells) => statement.parameter_name(at).and_then(|name| cells.get(name.get(1..)?)),
        };
        let Some(cell) = cell else {
            return Err(format!("no value was given for `{}`", statement.parameter_name(at).unwrap_or("?")));
        };
        statement.raw_bind_parameter(at, cell).map_err(|error| error.to_string())?;
    }
    Ok(())
}
