//! A DynamoDB table, as far as one can be made of it.

/// One DynamoDB table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name in the template, such as `OrdersTable`.
    pub logical_id: String,
    /// Its deployed name: what `!Ref` gives, such as `portico-OrdersTable`.
    pub name: String,
    /// The attributes that keys use.
    pub attributes: Vec<Attribute>,
    /// The partition key and, where there is one, the sort key.
    pub key_schema: Vec<KeyPart>,
    /// The global secondary indexes.
    pub indexes: Vec<Index>,
    /// The local secondary indexes.
    pub local_indexes: Vec<Index>,
    /// The attribute that items expire by.
    pub ttl_attribute: Option<String>,
    /// The line of the template it begins on.
    pub line: usize,
}

/// A key attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: AttributeKind,
}

/// What a key attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeKind {
    /// `S`
    Text,
    /// `N`
    Number,
    /// `B`
    Binary,
}

/// One part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// The attribute.
    pub attribute: String,
    /// Its part in the key.
    pub role: KeyRole,
}

/// What a part of a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRole {
    /// `HASH`: the partition key.
    Hash,
    /// `RANGE`: the sort key.
    Range,
}

/// A secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// The partition key and, where there is one, the sort key.
    pub key_schema: Vec<KeyPart>,
    /// What it holds beside the keys.
    pub projection: Projection,
}

/// Which attributes an index holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Projection {
    /// All of the item's.
    All,
    /// The keys of table and index.
    KeysOnly,
    /// The keys and these.
    Include(Vec<String>),
}
