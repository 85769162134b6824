//! Pages of the catalogue that were asked for a moment ago, ready to be sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use shared::clock::{Clock, Timestamp};
use shared::representation::Representation;

const LIFETIME: Duration = Duration::from_secs(2);
const PAGES: usize = 256;
const BYTES: u64 = 16 * 1024 * 1024;

/// Everything that makes a page what it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageKey {
    /// How many products it has at most.
    pub limit: usize,
    /// The list key that it comes after.
    pub after: Option<String>,
    /// The category of its products.
    pub category: Option<String>,
    /// The beginning of their folded names.
    pub prefix: Option<String>,
}

/// The moment a page's reading began.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    generation: u64,
    at: Timestamp,
}

#[derive(Clone)]
struct Entry {
    page: Arc<Representation>,
    reading: Reading,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<PageKey, Entry> for Bytes {
    fn weight(&self, key: &PageKey, entry: &Entry) -> u64 {
        let texts = [&key.after, &key.category, &key.prefix].into_iter().flatten().map(String::len);
        u64::try_from(texts.sum::<usize>() + entry.page.size() + size_of::<(PageKey, Entry)>()).unwrap_or(u64::MAX)
    }
}

/// The cache. A page lives for two seconds at most, and only until this process writes.
pub struct PageCache {
    clock: Clock,
    generation: AtomicU64,
    entries: Cache<PageKey, Entry, Bytes>,
}

impl PageCache {
    /// An empty cache.
    pub fn new(clock: Clock) -> PageCache {
        PageCache { clock, generation: AtomicU64::new(0), entries: Cache::with_weighter(PAGES, BYTES, Bytes) }
    }

    /// The page, if it is young enough and nothing was written since its reading began.
    pub fn get(&self, key: &PageKey) -> Option<Arc<Representation>> {
        let Entry { page, reading } = self.entries.get(key)?;
        let now = self.reading();
        let current = reading.generation == now.generation;
        // A clock that was set back makes no page live longer.
        let young = now.at >= reading.at && now.at.since(reading.at) < LIFETIME;
        (current && young).then_some(page)
    }

    /// Begins reading a page that the cache does not have.
    pub fn reading(&self) -> Reading {
        Reading { generation: self.generation.load(Ordering::Acquire), at: self.clock.now() }
    }

    /// Keeps a page. One whose reading began before a write carries an old generation and is never found.
    pub fn put(&self, key: PageKey, page: Arc<Representation>, reading: Reading) {
        self.entries.insert(key, Entry { page, reading });
    }

    /// Forgets all pages: something was written, or may have been.
    pub fn invalidate(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(limit: usize) -> PageKey {
        PageKey { limit, after: None, category: None, prefix: None }
    }

    fn page(text: &str) -> Arc<Representation> {
        Arc::new(Representation::of(&text).expect("JSON"))
    }

    #[test]
    fn a_page_lives_for_less_than_two_seconds() {
        let clock = Clock::adjustable();
        let cache = PageCache::new(clock.clone());
        cache.put(key(1), page("a"), cache.reading());
        assert!(cache.get(&key(1)).is_some());
        assert!(cache.get(&key(2)).is_none());
        clock.advance(Duration::from_secs(2));
        assert!(cache.get(&key(1)).is_none());
    }

    #[test]
    fn a_write_ends_pages_and_those_still_being_read() {
        let cache = PageCache::new(Clock::adjustable());
        cache.put(key(1), page("before"), cache.reading());
        let begun_before = cache.reading();
        cache.invalidate();
        cache.put(key(2), page("before"), begun_before);
        assert!(cache.get(&key(1)).is_none());
        assert!(cache.get(&key(2)).is_none());
        cache.put(key(2), page("after"), cache.reading());
        assert!(cache.get(&key(2)).is_some());
    }

    #[test]
    fn it_is_bounded_by_bytes() {
        let cache = PageCache::new(Clock::adjustable());
        let large = page(&"x".repeat(100_000));
        for limit in 0..1000 {
            cache.put(key(limit), large.clone(), cache.reading());
        }
        assert!(cache.entries.weight() <= BYTES);
    }
}
