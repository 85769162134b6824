//! A product: what is accepted of one, and the key that puts it in the catalogue's order.

use std::str::FromStr;

use caseless::Caseless;
use serde::{Deserialize, Deserializer, Serialize};
use shared::ids::ProductId;
use shared::money::Money;
use shared::text::Text;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A product's name.
pub type Name = Text<100>;
/// A product's description.
pub type Description = Text<2000>;
/// A product's category.
pub type Category = Text<50>;

/// Where a product's picture is: an https URL of at most 500 characters, because a page puts it into its markup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Image(Text<500>);

impl Image {
    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for Image {
    type Err = String;

    fn from_str(text: &str) -> Result<Image, String> {
        let url: Text<500> = text.parse()?;
        let rest = url.as_str().strip_prefix("https://").unwrap_or_default();
        if rest.is_empty() || rest.contains(|c: char| c.is_whitespace() || "\"'<>\\`".contains(c)) {
            return Err("an image is an https URL".to_owned());
        }
        Ok(Image(url))
    }
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Image, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A product of the catalogue, as answers show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// The category that lists it.
    pub category: String,
    /// The price of one.
    pub price: Money,
    /// Where its picture is.
    pub image: Option<String>,
}

/// A product to add.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    /// 1 to 100 characters.
    pub name: Name,
    /// 1 to 2000 characters.
    pub description: Description,
    /// 1 to 50 characters.
    pub category: Category,
    /// The price of one.
    pub price: Money,
    /// Its picture.
    #[serde(default)]
    pub image: Option<Image>,
    /// How many there are to begin with.
    #[serde(default)]
    pub stock: InitialStock,
}

/// What to change of a product; a field that is absent stays. A null removes the image, and no other field takes one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Another name.
    #[serde(default, deserialize_with = "shared::http::present")]
    pub name: Option<Name>,
    /// Another description.
    #[serde(default, deserialize_with = "shared::http::present")]
    pub description: Option<Description>,
    /// Another category.
    #[serde(default, deserialize_with = "shared::http::present")]
    pub category: Option<Category>,
    /// Another price.
    #[serde(default, deserialize_with = "shared::http::present")]
    pub price: Option<Money>,
    /// Another image, or none.
    #[serde(default, deserialize_with = "shared::http::present")]
    pub image: Option<Option<Image>>,
}

impl Patch {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        let Patch { name, description, category, price, image } = self;
        name.is_none() && description.is_none() && category.is_none() && price.is_none() && image.is_none()
    }
}

/// How many of a new product there are: 0–1,000,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct InitialStock(i64);

impl InitialStock {
    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for InitialStock {
    type Error = &'static str;

    fn try_from(number: i64) -> Result<InitialStock, Self::Error> {
        if (0..=1_000_000).contains(&number) { Ok(InitialStock(number)) } else { Err("a stock is 0 to 1000000") }
    }
}

/// How many come in or, below zero, are taken away: at most 1,000,000, and not none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct StockChange(i64);

impl StockChange {
    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }

    /// How many must be there for the change to be possible.
    pub fn needed(self) -> i64 {
        (-self.0).max(0)
    }
}

impl TryFrom<i64> for StockChange {
    type Error = &'static str;

    fn try_from(number: i64) -> Result<StockChange, Self::Error> {
        if number != 0 && (-1_000_000..=1_000_000).contains(&number) {
            Ok(StockChange(number))
        } else {
            Err("a change is -1000000 to 1000000, and not 0")
        }
    }
}

/// Bytes of a folded name that count. DynamoDB's sort keys end at 1024, and a character can fold to dozens.
const FOLDED_BYTES: usize = 900;

/// Text without case, accents, compatibility forms and runs of white space. The fold of a text's beginning is
/// the beginning of its fold, so that a prefix search may compare folds.
pub fn fold(text: &str) -> String {
    let base = text.nfkd().filter(|&c| !is_combining_mark(c)).default_case_fold();
    // Folding case can bring back what can be decomposed.
    let base: String = base.nfkd().filter(|&c| !is_combining_mark(c)).collect();
    let mut folded = String::with_capacity(base.len());
    for word in base.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded.truncate(folded.floor_char_boundary(FOLDED_BYTES));
    folded
}

/// A product's place in every list: its folded name, and its id to tell equal names apart. A fold has no tab.
pub fn list_key(name: &str, id: &ProductId) -> String {
    format!("{}\t{id}", fold(name))
}

/// The product at this place; `None` for text that is no place.
pub fn product_at(list_key: &str) -> Option<ProductId> {
    list_key.rsplit_once('\t')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_widths_and_white_space_do_not_count() {
        for (text, folded) in [
            ("Crème  Brûlée", "creme brulee"),
            ("CRÈME\u{a0}BRU\u{302}LE\u{301}E", "creme brulee"),
            ("Straße", "strasse"),
            ("ＴＥＡ ①", "tea 1"),
            ("İstanbul", "istanbul"),
            ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
            ("\u{301}", ""),
        ] {
            assert_eq!(fold(text), folded);
            assert_eq!(fold(&fold(text)), fold(text));
        }
    }

    #[test]
    fn the_fold_of_a_beginning_is_a_beginning_of_the_fold() {
        let name = "Café Straße 한글 ﬁne";
        for (end, _) in name.char_indices() {
            assert!(fold(name).starts_with(&fold(&name[..end])), "{}", &name[..end]);
        }
    }

    #[test]
    fn a_list_key_fits_and_leads_back_to_its_product() {
        let id = ProductId::random();
        for name in ["Tea", "\u{301}", &"\u{fdfa}".repeat(100)] {
            let key = list_key(name, &id);
            assert!(key.len() <= 1024);
            assert_eq!(product_at(&key), Some(id.clone()));
        }
        assert_eq!(product_at("tea"), None);
    }

    #[test]
    fn a_patch_tells_null_from_absent() {
        let patch = |json| serde_json::from_str::<Patch>(json);
        assert!(patch("{}").expect("empty").is_empty());
        assert_eq!(patch(r#"{"image":null}"#).expect("no image").image, Some(None));
        for wrong in [r#"{"name":null}"#, r#"{"name":""}"#, r#"{"stock":1}"#] {
            assert!(patch(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn stock_numbers_are_bounded() {
        assert!([-1, 1_000_001].into_iter().all(|number| InitialStock::try_from(number).is_err()));
        assert!([0, 1_000_001, -1_000_001, i64::MIN].into_iter().all(|number| StockChange::try_from(number).is_err()));
        assert_eq!(StockChange::try_from(-3).map(StockChange::needed), Ok(3));
        assert_eq!(StockChange::try_from(3).map(StockChange::needed), Ok(0));
    }

    #[test]
    fn images_that_are_no_https_urls_are_refused() {
        for wrong in
            ["", "https://", "http://example.com/a.jpg", "javascript:alert(1)", "https://a/\"onload=", "https://a b"]
        {
            assert!(wrong.parse::<Image>().is_err(), "{wrong}");
        }
        assert!("https://images.example.com/a.jpg".parse::<Image>().is_ok());
    }
}
