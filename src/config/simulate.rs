//! `[simulate.<device>]`: kept as written for the simulator, which looks at the keys itself.

use super::{
    fields::Fields,
    problems::Problem,
    references::Names,
    site::Simulated,
    tree::{Node, Table, Value},
};
use crate::domain::ids::DeviceId;

/// The tables by device; one for a device that there is not is recorded.
pub(super) fn read(file: &Fields<'_>, names: &Names<'_>) -> Simulated {
    let mut simulated = Simulated::new();
    for entry in file.entries("simulate") {
        let Value::Table(table) = &entry.node.value else {
            let problem = Problem::error(&entry.node.spot, format!("`{}` should be a table", entry.key));
            file.sink.add(problem.help(format!("write [simulate.{}]", entry.key)));
            continue;
        };
        match DeviceId::new(&entry.key).ok().filter(|id| names.has("device", id.as_str())) {
            Some(id) => {
                simulated.insert(id, build_table(table));
            }
            None if !names.are_complete() => {}
            None => {
                let help = match super::problems::closest(&entry.key, names.of("device")) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("add [device.{}], or remove this table", entry.key),
                };
                let problem = Problem::error(&entry.spot, format!("there is no device `{}`", entry.key));
                file.sink.add(problem.label("not known").help(help));
            }
        }
    }
    simulated
}

fn build_table(table: &Table) -> toml::Table {
    table.entries.iter().filter_map(|entry| Some((entry.key.clone(), build(&entry.node)?))).collect()
}

/// The value as TOML has it; a whole number past 64 bits is left out.
fn build(node: &Node) -> Option<toml::Value> {
    Some(match &node.value {
        Value::Text(text) => toml::Value::String(text.clone()),
        Value::Integer(number) => toml::Value::Integer(i64::try_from(*number).ok()?),
        Value::Float(number) => toml::Value::Float(*number),
        Value::Switch(switch) => toml::Value::Boolean(*switch),
        Value::Date(datetime) => toml::Value::Datetime(*datetime),
        Value::List(items) => toml::Value::Array(items.iter().filter_map(build).collect()),
        Value::Table(table) => toml::Value::Table(build_table(table)),
    })
}
