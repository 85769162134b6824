//! What each route does.

use std::sync::Arc;

use lambda_http::http::StatusCode;
use lambda_http::http::header::{HeaderName, LOCATION};
use serde::{Deserialize, Serialize};
use shared::cursor::{self, Cursor, Scope};
use shared::error::Error;
use shared::http::{self, Request, Response};
use shared::ids::ProductId;
use shared::money::Money;

use crate::App;
use crate::page_cache::PageKey;
use crate::product::{Category, Name, NewProduct, Patch, Product, StockChange, fold};
use crate::representation::Representation;
use crate::store::{Page, Restocked};

/// The route key of [`list`].
pub const LIST: &str = "GET /products";

const PAGE_CACHE_CONTROL: &str = "public, max-age=60, stale-while-revalidate=300";
const DETAIL_CACHE_CONTROL: &str = "no-cache";
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

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

/// A page of the live products, by folded name.
pub async fn list(app: &App, request: &Request) -> Result<Response, Error> {
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
    let scope = Scope { route: LIST, filters: &filters };
    let after = scope.position(request)?;

    let key = PageKey { limit, after, category: category.clone(), prefix: prefix.clone() };
    let page = match app.pages.get(&key) {
        Some(page) => page,
        None => {
            let reading = app.pages.reading();
            let page = app.store.page(&key).await?;
            let page = Arc::new(Representation::of(&render(app, page, scope).await?)?);
            app.pages.put(key, page.clone(), reading);
            page
        }
    };
    Ok(page.answer(request.header("if-none-match"), PAGE_CACHE_CONTROL))
}

fn text_parameter<T: std::str::FromStr<Err = String>>(
    request: &Request,
    name: &'static str,
) -> Result<Option<T>, Error> {
    let text = request.query(name)?;
    text.map(str::parse).transpose().map_err(|detail| Error::parameter(name, detail))
}

async fn render(app: &App, page: Page, scope: Scope<'_>) -> Result<List, Error> {
    let in_stock = app.store.in_stock(&page.products).await?;
    let listed = |product: Product| Listed { available: in_stock.contains(&product.id), product };
    Ok(List {
        items: page.products.into_iter().map(listed).collect(),
        next: page.continues_after.map(|position| scope.cursor(&position)),
    })
}

#[derive(Serialize)]
struct Detail {
    #[serde(flatten)]
    listed: Listed,
    stock: i64,
}

async fn detail(app: &App, id: &ProductId) -> Result<Detail, Error> {
    let (product, stock) = app.store.find(id).await?;
    Ok(Detail { listed: Listed { product, available: stock > 0 }, stock })
}

/// One product and what is in stock of it.
pub async fn show(app: &App, request: &Request) -> Result<Response, Error> {
    let id = product_id(request)?;
    let detail = Representation::of(&detail(app, &id).await?)?;
    Ok(detail.answer(request.header("if-none-match"), DETAIL_CACHE_CONTROL))
}

/// A new product.
pub async fn create(app: &App, request: &Request) -> Result<Response, Error> {
    request.admin()?;
    let new: NewProduct = request.json()?;
    check_currency(app, new.price)?;

    let id = ProductId::random();
    let written = app.store.create(&id, &new).await;
    app.pages.invalidate();
    written?;

    let mut response = http::json(StatusCode::CREATED, &detail(app, &id).await?)?;
    http::set(&mut response, LOCATION, &format!("/products/{id}"))?;
    Ok(response)
}

/// Other values for some of a product's fields.
pub async fn change(app: &App, request: &Request) -> Result<Response, Error> {
    request.admin()?;
    let id = product_id(request)?;
    let patch: Patch = request.json()?;
    if patch.is_empty() {
        return Err(Error::field("", "at least one of name, description, category, price and image is needed"));
    }
    if let Some(price) = patch.price {
        check_currency(app, price)?;
    }

    let written = app.store.change(&id, patch).await;
    app.pages.invalidate();
    written?;

    http::json(StatusCode::OK, &detail(app, &id).await?)
}

/// Takes a product out of the shop. Its orders keep their copies of it.
pub async fn archive(app: &App, request: &Request) -> Result<Response, Error> {
    request.admin()?;
    let id = product_id(request)?;

    let written = app.store.archive(&id).await;
    app.pages.invalidate();
    written?;

    Ok(http::empty(StatusCode::NO_CONTENT))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Restock {
    change: StockChange,
}

/// More in stock, or less: once for each idempotency key.
pub async fn restock(app: &App, request: &Request) -> Result<Response, Error> {
    request.admin()?;
    let id = product_id(request)?;
    let key = request.idempotency_key()?;
    let Restock { change } = request.json()?;

    let written = app.store.restock(&id, change, &key, app.clock.now()).await;
    app.pages.invalidate();
    let restocked = written?;

    let mut response = http::json(StatusCode::OK, &detail(app, &id).await?)?;
    if restocked == Restocked::Before {
        http::set(&mut response, IDEMPOTENCY_REPLAYED, "true")?;
    }
    Ok(response)
}

fn product_id(request: &Request) -> Result<ProductId, Error> {
    request.id("product_id", "product")
}

fn check_currency(app: &App, price: Money) -> Result<(), Error> {
    if price.currency() == app.currency {
        return Ok(());
    }
    Err(Error::field("/price/currency", format!("this shop's prices are in {}", app.currency)))
}
