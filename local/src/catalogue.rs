//! The sample catalogue, and as many generated products as somebody wants to try the shop with.

use serde::Deserialize;
use shared::ids::ProductId;

use crate::Error;

/// One product to seed. Prices are in EUR cents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// What it is called; unique.
    pub name: String,
    /// A sentence.
    pub description: String,
    /// Its category's name.
    pub category: String,
    /// Minor units.
    pub price: i64,
    /// An absolute URL.
    pub image: String,
    /// How many there are at first.
    pub stock: i64,
}

impl Sample {
    /// Its id, always the same for the same name.
    pub fn id(&self) -> ProductId {
        ProductId::of_sample(&self.name)
    }
}

/// The sample catalogue.
///
/// # Errors
/// The embedded file is not what it should be.
pub fn samples() -> Result<Vec<Sample>, Error> {
    serde_json::from_str(include_str!("catalogue.json"))
        .map_err(|error| Error::new(format!("the sample catalogue cannot be read: {error}.")))
}

const CATEGORIES: [&str; 8] = ["coffee", "kitchen", "books", "garden", "audio", "outdoors", "desk", "workshop"];
const KINDS: [&str; 10] =
    ["Amber", "Brass", "Cedar", "Dusty", "Early", "Folded", "Granite", "Hollow", "Indigo", "Juniper"];
const THINGS: [&str; 11] = ["Bowl", "Box", "Brush", "Chair", "Clock", "Kettle", "Lamp", "Mug", "Rack", "Stool", "Tray"];

/// The `number`th generated product: the same each time, and different from all others.
pub fn generated(number: u64) -> Sample {
    let pick = |from: &[&'static str], divisor: u64| {
        let at = (number / divisor) % from.len().max(1) as u64;
        usize::try_from(at).ok().and_then(|at| from.get(at)).copied().unwrap_or_default()
    };
    let (category, kind, thing) = (pick(&CATEGORIES, 1), pick(&KINDS, 3), pick(&THINGS, 7));
    let varied = number.wrapping_mul(2_654_435_761) % 20_000;
    Sample {
        name: format!("{kind} {thing} No. {number:07}"),
        description: format!("A generated product for trying the shop at scale: {kind} {thing}."),
        category: category.to_owned(),
        price: 199 + i64::try_from(varied).unwrap_or_default(),
        image: format!("https://images.example.com/generated/{number}.jpg"),
        stock: 1 + i64::try_from(varied % 500).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn samples_have_distinct_names_and_several_categories() {
        let samples = samples().unwrap();
        let names: BTreeSet<_> = samples.iter().map(|sample| &sample.name).collect();
        let categories: BTreeSet<_> = samples.iter().map(|sample| &sample.category).collect();
        assert_eq!((samples.len(), names.len(), categories.len()), (40, 40, 7));
        assert!(samples.iter().all(|sample| sample.price > 0 && sample.stock > 0));
    }

    #[test]
    fn generated_products_differ_and_repeat() {
        let names: BTreeSet<_> = (0..10_000).map(|number| generated(number).name).collect();
        assert_eq!(names.len(), 10_000);
        assert_eq!(generated(7).id(), generated(7).id());
    }
}
