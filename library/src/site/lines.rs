//! Where the parts of a site file stand in its text. Looked at only when there is a fault to tell: who makes none does
//! not pay for a second reading.

use super::read;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::Spanned;
use std::fmt;

/// One step down into a document.
#[derive(Clone, Debug)]
enum Part {
    Key(String),
    Nth(usize),
}

/// A place in a document: under the name that people know it by, and by the way that leads there.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    text: &'a str,
    name: String,
    path: Vec<Part>,
}

impl<'a> Place<'a> {
    /// The whole document.
    pub(super) const fn whole(text: &'a str) -> Self {
        Self { text, name: String::new(), path: Vec::new() }
    }

    /// An entry of a list, named by what identifies it: `groups[neuro]`.
    pub(super) fn entry(&self, list: &str, nth: usize, id: &str) -> Self {
        let dot = if self.name.is_empty() { "" } else { "." };
        self.step(format!("{dot}{list}[{id}]"), [Part::Key(list.to_owned()), Part::Nth(nth)])
    }

    /// A part of an entry: `groups[neuro].members`.
    pub(super) fn part(&self, key: &str) -> Self {
        self.step(format!(".{key}"), [Part::Key(key.to_owned())])
    }

    /// What stands there under the name of a user: `groups[neuro].template[ann]`.
    pub(super) fn of(&self, user: &str) -> Self {
        self.step(format!("[{user}]"), [Part::Key(user.to_owned())])
    }

    /// The same place to people, and the line of this key in it.
    pub(super) fn at(&self, key: &str) -> Self {
        self.step(String::new(), [Part::Key(key.to_owned())])
    }

    /// The same place to people, and the line of this item of it.
    pub(super) fn nth(&self, nth: usize) -> Self {
        self.step(String::new(), [Part::Nth(nth)])
    }

    fn step<const N: usize>(&self, name: String, parts: [Part; N]) -> Self {
        let mut below = self.clone();
        below.name.push_str(&name);
        below.path.extend(parts);
        below
    }

    /// The line on which it stands, or what is around it.
    pub(super) fn line(&self) -> Option<u64> {
        let mut node: Spanned<Node> = read(self.text).ok()?;
        let mut line = node.referenced.line();
        for part in &self.path {
            let Some((at, below)) = node.value.take(part) else { break };
            (line, node) = (at, below);
        }
        // The reader tells 0 where it does not know.
        (line > 0).then_some(line)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line() {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.name)
    }
}

/// Any document, with the lines of everything in it.
enum Node {
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
    List(Vec<Spanned<Node>>),
    Leaf,
}

impl Node {
    /// What stands one step further down, and its line: a key's own, since its value may begin on the next.
    fn take(self, part: &Part) -> Option<(u64, Spanned<Self>)> {
        match (self, part) {
            (Self::Map(entries), Part::Key(key)) => {
                let (name, node) = entries.into_iter().find(|(name, _)| name.value == *key)?;
                Some((name.referenced.line(), node))
            }
            (Self::List(items), Part::Nth(nth)) => {
                let node = items.into_iter().nth(*nth)?;
                Some((node.referenced.line(), node))
            }
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Node::Leaf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a site\nversion: 1\ngroups:\n  - id: g\n\n  - id: h\n    members: &m\n      ann:\n        rw\n    \
                        template: {bob: [ro,\n      x]}\n    offers: [a]\n  - {id: i, members: *m}\n";

    #[test]
    fn lines_are_those_of_keys_and_items() {
        let whole = Place::whole(TEXT);
        let group = whole.entry("groups", 1, "h");
        assert_eq!(group.to_string(), "line 6: groups[h]");
        assert_eq!(group.part("members").at("ann").to_string(), "line 8: groups[h].members");
        assert_eq!(group.part("template").of("bob").nth(1).to_string(), "line 11: groups[h].template[bob]");
        assert_eq!(whole.entry("groups", 2, "i").part("members").line(), Some(13));
    }

    #[test]
    fn what_is_not_there_has_the_line_of_what_is_around_it() {
        let group = Place::whole(TEXT).entry("groups", 0, "g");
        assert_eq!(group.part("offers").nth(3).line(), Some(4));
    }
}
