//! One function a route.

use std::sync::Arc;

use lambda_http::http::StatusCode;
use lambda_http::http::header::LOCATION;
use serde::{Deserialize, Serialize};
use shared::cursor::{self, Cursor, Scope};
use shared::error::Error;
use shared::http::{self, Request, Response};
use shared::ids::ProductId;
use shared::money::Money;
use shared::representation::Representation;

use crate::App;
use crate::page_cache::PageKey;
use crate::product::{Category, Name, NewProduct, Patch, Product, StockChange, fold};
use crate::store::{Page, Restocked};

const PAGE_CACHE_CONTROL: &str = "public, max-age=60, stale-while-revalidate=300";
const DETAIL_CACHE_CONTROL: &str = "no-cache";

#[derive(Serialize)]
struct List {
    items: Vec<Listed>,
    next: Option<Cursor>,
}

#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    product: Product,
    available: bool,
}

#[derive(Serialize)]
struct Detail {
    #[serde(flatten)]
    listed: Listed,
    stock: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Restock {
    change: StockChange,
}

impl App {
    /// A page of the live products, by folded name.
    pub(crate) async fn list(&self, request: &Request) -> Result<Response, Error> {
        let limit = cursor::limit(request)?;
        let category = text_parameter::<Category>(request, "category")?.map(|category| category.to_string());
        let prefix = text_parameter::<Name>(request, "q")?.map(|name| fold(name.as_str()));
        if prefix.as_deref() == Some("") {
            return Err(Error::parameter("q", "must have a letter, a digit or a sign"));
        }
        let filters = [
            category.as_ref().map_or("-", |_| "category"),
            category.as_deref().unwrap_or_default(),
            prefix.as_deref().unwrap_or_default(),
        ];
        let scope = Scope { route: request.route_key(), filters: &filters };
        let after = scope.position(request)?;

        let key = PageKey { limit, after, category: category.clone(), prefix: prefix.clone() };
        let page = match self.pages.get(&key) {
            Some(page) => page,
            None => {
                let reading = self.pages.reading();
                let page = self.store.page(&key).await?;
                let page = Arc::new(Representation::of(&self.render(page, scope).await?)?);
                self.pages.put(key, page.clone(), reading);
                page
            }
        };
        Ok(page.answer(request.header("if-none-match"), PAGE_CACHE_CONTROL))
    }

    async fn render(&self, page: Page, scope: Scope<'_>) -> Result<List, Error> {
        let in_stock = self.store.in_stock(&page.products).await?;
        let listed = |product: Product| Listed { available: in_stock.contains(&product.id), product };
        Ok(List {
            items: page.products.into_iter().map(listed).collect(),
            next: page.continues_after.map(|position| scope.cursor(&position)),
        })
    }

    /// One product and what is in stock of it.
    pub(crate) async fn show(&self, request: &Request) -> Result<Response, Error> {
        let id = product_id(request)?;
        let detail = Representation::of(&self.detail(&id).await?)?;
        Ok(detail.answer(request.header("if-none-match"), DETAIL_CACHE_CONTROL))
    }

    /// A new product.
    pub(crate) async fn create(&self, request: &Request) -> Result<Response, Error> {
        request.admin()?;
        let new: NewProduct = request.json()?;
        self.check_currency(new.price)?;

        let id = ProductId::random();
        let written = self.store.create(&id, &new).await;
        self.pages.invalidate();
        written?;

        let mut response = http::json(StatusCode::CREATED, &self.detail(&id).await?)?;
        http::set(&mut response, LOCATION, &format!("/products/{id}"))?;
        Ok(response)
    }

    /// Other values for some of a product's fields.
    pub(crate) async fn change(&self, request: &Request) -> Result<Response, Error> {
        request.admin()?;
        let id = product_id(request)?;
        let patch: Patch = request.json()?;
        if patch.is_empty() {
            return Err(Error::field("", "at least one of name, description, category, price and image is needed"));
        }
        if let Some(price) = patch.price {
            self.check_currency(price)?;
        }

        let written = self.store.change(&id, patch).await;
        self.pages.invalidate();
        written?;

        http::json(StatusCode::OK, &self.detail(&id).await?)
    }

    /// Takes a product out of the shop. Its orders keep their copies of it.
    pub(crate) async fn archive(&self, request: &Request) -> Result<Response, Error> {
        request.admin()?;
        let id = product_id(request)?;

        let written = self.store.archive(&id).await;
        self.pages.invalidate();
        written?;

        Ok(http::empty(StatusCode::NO_CONTENT))
    }

    /// More in stock, or less: once for each idempotency key.
    pub(crate) async fn restock(&self, request: &Request) -> Result<Response, Error> {
        request.admin()?;
        let id = product_id(request)?;
        let key = request.idempotency_key()?;
        let Restock { change } = request.json()?;

        let written = self.store.restock(&id, change, &key, self.clock.now()).await;
        self.pages.invalidate();
        let restocked = written?;

        let mut response = http::json(StatusCode::OK, &self.detail(&id).await?)?;
        if restocked == Restocked::Before {
            http::set(&mut response, http::REPLAYED, "true")?;
        }
        Ok(response)
    }

    async fn detail(&self, id: &ProductId) -> Result<Detail, Error> {
        let (product, stock) = self.store.find(id).await?;
        Ok(Detail { listed: Listed { product, available: stock > 0 }, stock })
    }

    fn check_currency(&self, price: Money) -> Result<(), Error> {
        if price.currency() == self.currency {
            return Ok(());
        }
        Err(Error::field("/price/currency", format!("this shop's prices are in {}", self.currency)))
    }
}

fn text_parameter<T: std::str::FromStr<Err = String>>(
    request: &Request,
    name: &'static str,
) -> Result<Option<T>, Error> {
    let text = request.query(name)?;
    text.map(str::parse).transpose().map_err(|detail| Error::parameter(name, detail))
}

fn product_id(request: &Request) -> Result<ProductId, Error> {
    request.id("product_id", "product")
}
