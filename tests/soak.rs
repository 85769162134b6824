//! A soak: eight customers order and cancel while one call in twenty meets a fault on every wire, some calls to the
//! payment provider go wrong there, and the schedule runs beside them. Each repeats its request until it is told an end.
//! Then the faults stop, and everything has to agree: what they were told, the orders, the payments, the money that the
//! provider has moved, and the stock.
//!
//! The long one takes some minutes:
//! `SOAK_ORDERS=20000 cargo test -p e2e soak`. With `SOAK_SEED` it makes the choices of an earlier one again, which has
//! printed its seed: the same wishes and the same sequence of faults. Which call meets which of them is up to the
//! machine's timing.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::time::{Duration, Instant};

use local::chaos::{Chaos, Rate, Rule};
use serde_json::{Value, json};
use shared::ids::{OrderId, UserId};

use crate::client::{Answer, Call, Client};
use crate::provider::{self, Provider, Trouble};
use crate::shop::{Setup, Shop, VISA, a_product, new_username, product_by};
use crate::steps::{all_answered, reconcile};
use crate::tables::Stock;

const CUSTOMERS: usize = 8;
const ORDERS: usize = 300;
/// How many orders a customer sends before the clock moves on.
const IN_A_ROUND: usize = 4;
/// How many calls to the provider go wrong meanwhile, if so many such calls are made.
const TROUBLES_IN_A_ROUND: usize = 3;
/// As long as any Retry-After says, and a little.
const ROUND: Duration = Duration::from_secs(20);
/// A token is good for 15 minutes by the shop's clock, and a round takes some time of its own.
const ROUNDS_OF_A_TOKEN: usize = 20;
const PASSWORD: &str = "a password long enough";
/// What all products cost.
const PRICE: i64 = 1999;
/// What can go wrong at the provider with a call and be mended by itself.
const TROUBLES: [Trouble; 5] =
    [Trouble::Refused(429), Trouble::Refused(503), Trouble::FailsAfter, Trouble::ReplyLost, Trouble::Nonsense];
/// The calls that it goes wrong with: each is made in every round.
const TROUBLED: [provider::Call; 3] = [provider::Call::Prepare, provider::Call::Confirm, provider::Call::Refund];

/// A product, and how much of it there was.
type Product = (String, i64);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_everything_agrees_in_the_end() {
    let given = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let orders = given("SOAK_ORDERS").map_or(ORDERS, |orders| usize::try_from(orders).expect("a number"));
    let seed = given("SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    let (chaos, provider) = (Chaos::none(), Provider::start().await);
    let setup = Setup { chaos: Some(chaos.clone()), ..provider.setup() };
    let Some(shop) = Shop::in_process("puts faults between the functions", setup).await else { return };
    let _ = writeln!(std::io::stderr().lock(), "soak: {orders} orders, SOAK_SEED={seed}");

    let products = products(&shop, orders).await;
    let mut customers = Vec::new();
    for number in 0..CUSTOMERS {
        let chance = fastrand::Rng::with_seed(seed.wrapping_add(number as u64 + 1));
        let to_order = orders / CUSTOMERS + usize::from(number < orders % CUSTOMERS);
        customers.push(Customer::new(&shop, chance, to_order).await);
    }

    let started = Instant::now();
    let faults = chaos.plan(Rule::any().by_chance(Rate::percent(5), seed));
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut rounds = 0;
    while customers.iter().any(|customer| customer.to_order > 0) {
        if rounds % ROUNDS_OF_A_TOKEN == 0 {
            sign_in(&shop, &mut customers).await;
        }
        for _ in 0..TROUBLES_IN_A_ROUND {
            let wrong = chance.choice(TROUBLED).zip(chance.choice(TROUBLES)).expect("some");
            provider.trouble(wrong.0, wrong.1);
        }
        customers = round(&shop, customers, &products).await;
        rounds += 1;
    }
    chaos.end();
    faults.release().await;
    sign_in(&shop, &mut customers).await;
    let mut last = 0;
    while customers.iter().any(|customer| !customer.open.is_empty()) {
        customers = round(&shop, customers, &products).await;
        rounds += 1;
        last += 1;
        assert!(last < ROUNDS_OF_A_TOKEN, "some are never told an end");
    }
    let ended = run_until_nothing_is_left(&shop).await;

    let moved = provider.ledgers();
    let mut sold = vec![0; products.len()];
    let mut ends = BTreeMap::<_, usize>::new();
    for customer in &mut customers {
        sign_in(&shop, std::slice::from_mut(customer)).await;
        for told in std::mem::take(&mut customer.told) {
            let end = agrees(&shop, &moved, customer, &told).await;
            if end == "CONFIRMED CAPTURED" {
                told.wish.lines.iter().for_each(|(product, quantity)| sold[*product] += quantity);
            }
            *ends.entry(end).or_default() += 1;
        }
    }
    for ((product, received), sold) in products.iter().zip(sold) {
        let expected = Stock { received: *received, available: received - sold, reserved: 0 };
        assert_eq!(shop.stock_numbers(product).await, expected, "seed {seed}: {sold} sold");
    }
    shop.books_balance().await;
    // Everybody's orders, also those of which nobody was told.
    let paid = ["CONFIRMED CAPTURED", "CANCELLED REFUNDED"].iter().filter_map(|end| ends.get(*end)).sum::<usize>();
    assert_eq!(moved.len(), paid, "seed {seed}: {ends:?}");
    assert!(faults.met() > orders as u64 / 4, "seed {seed}: only {} faults", faults.met());
    if given("SOAK_ORDERS").is_some() {
        let struck = chaos.struck();
        let took = started.elapsed().as_secs();
        let _ = writeln!(
            std::io::stderr().lock(),
            "soak: {took} s, {rounds} rounds, {} faults {struck:?}\nsoak: ends {ends:?}, {ended} of them by the last runs of the schedule",
            faults.met()
        );
    }
}

/// Some that there are plenty of, and one that there is not.
async fn products(shop: &Shop, orders: usize) -> Vec<Product> {
    let admin = shop.admin().await;
    let orders = i64::try_from(orders).expect("not so many");
    let mut products = Vec::new();
    for stock in [orders * 10, orders * 10, orders * 10, orders / 10] {
        products.push((product_by(&admin, &a_product(), stock).await, stock));
    }
    products
}

/// What a customer wants.
struct Wish {
    key: String,
    body: Value,
    /// The products by their numbers, and how many.
    lines: Vec<(usize, i64)>,
    /// Whether it is to be cancelled once it is confirmed.
    regretted: bool,
    /// The order, once it is to be cancelled, and what was answered to it before.
    placed: Option<Answer>,
}

/// A wish and its last answer.
struct Told {
    wish: Wish,
    answer: Answer,
}

struct Customer {
    name: String,
    user: UserId,
    client: Client,
    chance: fastrand::Rng,
    to_order: usize,
    open: Vec<Wish>,
    told: Vec<Told>,
}

impl Customer {
    async fn new(shop: &Shop, chance: fastrand::Rng, to_order: usize) -> Customer {
        let name = new_username();
        shop.register(&name, PASSWORD).await.is(201);
        let client = shop.sign_in(&name, PASSWORD).await;
        let user = client.get("/users/me").await.is(200).text_at("/id").parse().expect("a user's id");
        Customer { name, user, client, chance, to_order, open: Vec::new(), told: Vec::new() }
    }

    fn wish(&mut self, products: &[Product]) -> Wish {
        let scarce = products.len() - 1;
        let mut numbers: Vec<_> = (0..scarce).collect();
        self.chance.shuffle(&mut numbers);
        numbers.truncate(self.chance.usize(1..=scarce));
        if self.chance.u8(..10) == 0 {
            numbers.push(scarce);
        }
        let lines: Vec<_> = numbers.into_iter().map(|number| (number, self.chance.i64(1..=3))).collect();
        let items: Vec<_> = lines
            .iter()
            .map(|(number, quantity)| json!({"product_id": products[*number].0, "quantity": quantity}))
            .collect();
        let method = if self.chance.u8(..8) == 0 { "pm_card_chargeDeclined" } else { VISA };
        let body = json!({"items": items, "payment": {"method": method}});
        let key = std::iter::repeat_with(|| self.chance.alphanumeric()).take(26).collect();
        Wish { key, body, lines, regretted: self.chance.u8(..8) == 0, placed: None }
    }

    fn order_id(&self, wish: &Wish) -> OrderId {
        OrderId::for_key(&self.user, &wish.key.parse().expect("a key"))
    }

    fn call(&self, wish: &Wish) -> Call {
        match wish.placed {
            Some(_) => self.client.cancel(self.order_id(wish).as_str()),
            None => self.client.post("/orders", &wish.body).key(&wish.key),
        }
    }

    /// Asks again for all that there is no end of, and for something new.
    async fn round(mut self, products: &[Product]) -> Customer {
        let new = self.to_order.min(IN_A_ROUND);
        self.to_order -= new;
        let mut wishes = std::mem::take(&mut self.open);
        wishes.extend((0..new).map(|_| self.wish(products)));
        for mut wish in wishes {
            let answer = self.call(&wish).await;
            match answer.status {
                _ if answer.header("retry-after").is_some() => self.open.push(wish),
                201 if wish.regretted => {
                    wish.placed = Some(answer);
                    self.open.push(wish);
                }
                200 | 201 | 402 | 409 => self.told.push(Told { wish, answer }),
                _ => answer.fail("no end of an order"),
            }
        }
        self
    }
}

/// All customers at once, and the schedule; then the clock moves on.
async fn round(shop: &Shop, customers: Vec<Customer>, products: &[Product]) -> Vec<Customer> {
    let tasks: Vec<_> = customers
        .into_iter()
        .map(|customer| {
            let products = products.to_vec();
            tokio::spawn(async move { customer.round(&products).await })
        })
        .collect();
    // A run that fails does no harm: the next one comes.
    reconcile(shop).await;
    let mut customers = Vec::new();
    for task in tasks {
        customers.push(task.await.expect("a customer's round"));
    }
    shop.advance(ROUND);
    customers
}

async fn sign_in(shop: &Shop, customers: &mut [Customer]) {
    for customer in customers {
        let login = json!({"username": customer.name, "password": PASSWORD});
        for answer in all_answered(shop, &[shop.anonymous().post("/login", &login)], 1).await {
            customer.client = customer.client.with_token(&answer.is(200).text_at("/token"));
        }
    }
}

/// Lets the schedule run until it finds nothing more; how many orders it has ended.
async fn run_until_nothing_is_left(shop: &Shop) -> u64 {
    let (mut ended, mut quiet) = (0, 0);
    for _ in 0..20 {
        // The longest pause between two attempts at an order.
        shop.advance(Duration::from_secs(60 * 60));
        let run = reconcile(shop).await;
        let count = |name: &str| run[name].as_u64().unwrap_or_else(|| panic!("a run that failed: {run}"));
        assert_eq!((count("open"), count("failed"), count("given_up")), (0, 0, 0), "{run}");
        ended += count("ended");
        quiet = if count("ended") == 0 { quiet + 1 } else { 0 };
        if quiet == 2 {
            return ended;
        }
    }
    panic!("the schedule finds orders for ever");
}

/// What a customer was told is what the tables and the provider say, and what would be said again; how the order has
/// ended.
async fn agrees(shop: &Shop, moved: &HashMap<String, Vec<i64>>, customer: &mut Customer, told: &Told) -> String {
    let Told { wish, answer } = told;
    let order = customer.order_id(wish);
    let read = customer.client.get(&format!("/orders/{order}")).await;
    let payment = shop.payment_status(order.as_str()).await;
    let end = match read.status {
        404 => "nothing".to_owned(),
        _ => format!("{} {}", read.text_at("/order/status"), read.text_at("/payment/status")),
    };
    let expected: &[&str] = match (answer.status, answer.json()["code"].as_str()) {
        (201, _) => &["CONFIRMED CAPTURED"],
        (200, _) => &["CANCELLED REFUNDED"],
        (402, _) => &["FAILED DECLINED"],
        (409, Some("order-lapsed")) => &["FAILED VOIDED"],
        // An earlier sending may have arrived late, when there was stock again; nobody charged it.
        (409, Some("out-of-stock")) => &["nothing", "FAILED VOIDED"],
        _ => answer.fail("another end than an order has"),
    };
    answer.check(expected.contains(&end.as_str()), format!("but the order is {end}"));
    let recorded = end.split(' ').nth(1);
    answer.check(payment.as_deref() == recorded, format!("but the payment is {payment:?}"));
    let total = PRICE * wish.lines.iter().map(|(_, quantity)| quantity).sum::<i64>();
    let expected: &[i64] = match end.as_str() {
        "CONFIRMED CAPTURED" => &[total],
        "CANCELLED REFUNDED" => &[total, -total],
        _ => &[],
    };
    let moved = moved.get(order.as_str()).map_or(&[][..], Vec::as_slice);
    answer.check(moved == expected, format!("but the provider has moved {moved:?}"));
    if end != "nothing" && customer.chance.u8(..4) == 0 {
        let first = wish.placed.as_ref().unwrap_or(answer);
        let again = customer.client.post("/orders", &wish.body).key(&wish.key).await;
        let same = again.status == first.status && again.text_without_id() == first.text_without_id();
        if !same && answer.json()["code"] != "out-of-stock" {
            again.fail(format!("differs from {first}"));
        }
    }
    end
}
