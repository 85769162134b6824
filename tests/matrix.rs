//! The crash matrix: an order is lost at each of the places where it can be, in three ways each, and mended by its
//! client, by the schedule, and by both at once. Whatever happens it ends, is charged at most once, and its stock is
//! either sold or back.

use std::fmt::{self, Display};
use std::time::Duration;

use local::chaos::{Chaos, Planned};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Answer, Call, Client};
use crate::provider::Provider;
use crate::shop::{Setup, Shop, a_product, an_order, product_by, random};
use crate::steps::{HALF_WAY, order_of, reconcile};
use crate::tables::Stock;
use cases::{BreakOff, Case, End, ROWS, Step, When, cases};

mod cases;

const WHY: &str = "puts faults between the functions";
const WAYS: [When; 3] = [When::Before, When::After, When::ReplyLost];
const STOCK: i64 = 10;
const QUANTITY: i64 = 2;
/// What that many of the test's product cost.
const TOTAL: i64 = 3998;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MendedBy {
    Client,
    Schedule,
    Both,
}

/// A case of the table with its own product and key.
struct Lost {
    row: usize,
    when: When,
    case: Case,
    product: String,
    key: String,
    order: String,
    planned: Vec<Planned>,
    /// The last answer that its client had.
    told: Option<Answer>,
}

impl Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} ({}), {:?}", self.row, ROWS[self.row - 1], self.when)
    }
}

#[tokio::test]
async fn what_is_lost_is_mended_by_its_client() {
    mend(MendedBy::Client).await;
}

#[tokio::test]
async fn what_is_lost_is_mended_by_the_schedule() {
    mend(MendedBy::Schedule).await;
}

#[tokio::test]
async fn what_is_lost_is_mended_by_both_at_once() {
    mend(MendedBy::Both).await;
}

#[test]
fn the_matrix_has_135_places_and_says_why_21_cannot_be() {
    let all: Vec<_> = (1..=ROWS.len()).flat_map(|row| WAYS.map(|when| cases(row, when))).collect();
    let impossible = all.iter().filter(|cases| cases.is_err()).count();
    assert_eq!((all.len() * 3, impossible * 3), (135, 21));
    assert!(all.iter().flatten().all(|cases| !cases.is_empty()), "a place without a case");
}

async fn mend(by: MendedBy) {
    // A run of the schedule would mend the others too, so the cases in which one dies have a shop each.
    let mut together = Vec::new();
    for (row, when) in (1..=ROWS.len()).flat_map(|row| WAYS.map(|when| (row, when))) {
        for case in cases(row, when).unwrap_or_default() {
            match case.step {
                Step::Reconcile => play(by, vec![(row, when, case)]).await,
                _ => together.push((row, when, case)),
            }
        }
    }
    play(by, together).await;
}

async fn play(by: MendedBy, cases: Vec<(usize, When, Case)>) {
    let (chaos, provider) = (Chaos::none(), Provider::start().await);
    let setup = Setup { chaos: Some(chaos.clone()), ..provider.setup() };
    let Some(shop) = Shop::in_process(WHY, setup).await else { return };
    let (admin, customer) = (shop.admin().await, shop.customer().await);
    let user = customer.user_id().await;
    let mut all = Vec::new();
    for (row, when, case) in cases {
        let key = random();
        let order = order_of(&user, &key);
        let planned = case.rules(&order).into_iter().map(|rule| chaos.plan(rule)).collect();
        let product = product_by(&admin, &a_product(), STOCK).await;
        let mut lost = Lost { row, when, case, product, key, order, planned, told: None };
        lose(&shop, &provider, &customer, &mut lost).await;
        all.push(lost);
    }
    match by {
        MendedBy::Client => repeat_until_told(&shop, &customer, &mut all).await,
        MendedBy::Schedule => run_three_times(&shop).await,
        MendedBy::Both => both(&shop, &customer, &mut all).await,
    }
    for lost in &all {
        check(&shop, &provider, &customer, by, lost).await;
        for planned in &lost.planned {
            planned.release().await;
        }
        check(&shop, &provider, &customer, by, lost).await;
    }
    shop.books_balance().await;
}

/// Does what goes wrong.
async fn lose(shop: &Shop, provider: &Provider, customer: &Client, lost: &mut Lost) {
    let asked = provider.calls().len();
    for (call, trouble) in lost.case.troubles {
        provider.trouble(*call, *trouble);
    }
    match lost.case.step {
        Step::BrokenOff(at) => break_off(shop, customer, lost, at).await,
        Step::Order | Step::Reconcile => lost.told = Some(order(customer, lost).await),
        Step::Cancel => {
            order(customer, lost).await.is(201);
            lost.told = Some(customer.cancel(&lost.order).await);
        }
    }
    if lost.case.step == Step::Reconcile {
        shop.advance(HALF_WAY);
        reconcile(shop).await;
    }
    if let Some(answer) = &lost.told {
        answer.check(Some(answer.status) == lost.case.answer, format!("{lost}: expected {:?}", lost.case.answer));
    }
    for planned in &lost.planned {
        assert!(planned.met() > 0, "{lost}: a call that was to go wrong was never made");
    }
    let calls = &provider.calls()[asked..];
    for (call, _) in lost.case.troubles {
        let to_go_wrong = lost.case.troubles.iter().filter(|(wrong, _)| wrong == call).count();
        let made = calls.iter().filter(|made| *made == call).count();
        assert!(made >= to_go_wrong, "{lost}: {made} calls of {call:?}, of which {to_go_wrong} were to go wrong");
    }
}

fn order(customer: &Client, lost: &Lost) -> Call {
    customer.post("/orders", &an_order(&lost.product, QUANTITY, lost.case.method)).key(&lost.key)
}

/// What the client sends again.
fn again(customer: &Client, lost: &Lost) -> Call {
    if lost.case.step == Step::Cancel { customer.cancel(&lost.order) } else { order(customer, lost) }
}

/// Sends an order and closes the connection.
async fn break_off(shop: &Shop, customer: &Client, lost: &Lost, at: BreakOff) {
    let body = an_order(&lost.product, QUANTITY, lost.case.method).to_string();
    let token = customer.token.as_ref().expect("a token");
    let address = shop.inner().address();
    let request = format!(
        "POST /orders HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nidempotency-key: {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        lost.key,
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let sent = if at == BreakOff::HalfSent { request.len() - body.len() / 2 } else { request.len() };
    stream.write_all(&request.as_bytes()[..sent]).await.expect("an open connection");
    if at == BreakOff::Answered {
        stream.read_u8().await.expect("the beginning of an answer");
    }
}

/// The client repeats each request until it is told an end.
async fn repeat_until_told(shop: &Shop, customer: &Client, all: &mut [Lost]) {
    for _ in 0..3 {
        shop.advance(Duration::from_secs(16));
        for lost in all.iter_mut().filter(|lost| !is_told(lost)) {
            lost.told = Some(again(customer, lost).await);
        }
    }
}

/// An end is an answer that asks for no repeat.
fn is_told(lost: &Lost) -> bool {
    lost.told.as_ref().is_some_and(|answer| answer.header("retry-after").is_none())
}

/// Each run beside another one.
async fn run_three_times(shop: &Shop) {
    for seconds in [31, 61, 121] {
        shop.advance(Duration::from_secs(seconds));
        tokio::join!(reconcile(shop), reconcile(shop));
    }
}

async fn both(shop: &Shop, customer: &Client, all: &mut [Lost]) {
    for seconds in [31, 61, 121] {
        shop.advance(Duration::from_secs(seconds));
        let clients = async {
            for lost in all.iter_mut().filter(|lost| !is_told(lost)) {
                lost.told = Some(again(customer, lost).await);
            }
        };
        tokio::join!(clients, reconcile(shop));
    }
}

/// The order has come to an end that it may come to, and money, payment, stock and answer agree with it.
async fn check(shop: &Shop, provider: &Provider, customer: &Client, by: MendedBy, lost: &Lost) {
    let read = customer.get(&format!("/orders/{}", lost.order)).await;
    let end = match read.status {
        404 => End::Nothing,
        _ => match (read.text_at("/order/status").as_str(), read.text_at("/payment/status").as_str()) {
            ("CONFIRMED", "CAPTURED") => End::Confirmed,
            ("FAILED", "DECLINED") => End::Declined,
            ("FAILED", "VOIDED") => End::Lapsed,
            ("CANCELLED", "REFUNDED") => End::Cancelled,
            _ => read.fail(format!("{lost}, mended by {by:?}: no end")),
        },
    };
    let by_schedule = lost.case.by_schedule.contains(&end);
    let may_be = match by {
        MendedBy::Client => lost.case.by_client.contains(&end),
        MendedBy::Schedule => by_schedule,
        // A client that repeats its order always ends with one.
        MendedBy::Both => lost.case.by_client.contains(&end) || by_schedule && end != End::Nothing,
    };
    read.check(may_be, format!("{lost}, mended by {by:?}: ended as {end:?}"));

    let payment = shop.payment_status(&lost.order).await;
    let (status, moved, sold, answer): (_, &[i64], _, _) = match end {
        End::Nothing => (None, &[], 0, None),
        End::Confirmed => (Some("CAPTURED"), &[TOTAL], QUANTITY, Some(201)),
        End::Declined => (Some("DECLINED"), &[], 0, Some(402)),
        End::Lapsed => (Some("VOIDED"), &[], 0, Some(409)),
        End::Cancelled => (Some("REFUNDED"), &[TOTAL, -TOTAL], 0, Some(200)),
    };
    assert_eq!(provider.ledger(&lost.order), moved, "{lost}, mended by {by:?}: the money of {end:?}");
    assert_eq!(payment.as_deref(), status, "{lost}, mended by {by:?}: the payment of {end:?}");
    let stock = shop.stock_numbers(&lost.product).await;
    let expected = Stock { received: STOCK, available: STOCK - sold, reserved: 0 };
    assert_eq!(stock, expected, "{lost}, mended by {by:?}: the stock of {end:?}");
    if by != MendedBy::Schedule {
        let told = lost.told.as_ref().expect("an answer");
        told.check(Some(told.status) == answer, format!("{lost}, mended by {by:?}: told otherwise than {end:?}"));
    }
}
