//! What a case's rounds amount to: costs with their spread, ratios to the yardsticks, verdicts.

use serde::Serialize;

use crate::frame::comparison::{Bar, Side, Yardstick};
use crate::frame::histogram::Histogram;
use crate::frame::ratio::{Spread, pairwise};
use crate::frame::rounds::Row;
use crate::frame::verdict::Verdict;

/// One case, told.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CaseReport {
    pub(crate) panel: String,
    pub(crate) point: String,
    pub(crate) rows: Vec<RowReport>,
    pub(crate) verdicts: Vec<Verdict>,
}

/// One entrant, told: figures, or why there are none.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RowReport {
    pub(crate) name: String,
    pub(crate) is_ours: bool,
    pub(crate) cost: Option<Spread>,
    /// Round by round, so that anybody can do the sums again.
    pub(crate) costs: Vec<f64>,
    pub(crate) ratios: Vec<RatioReport>,
    /// What the client used for the same work: on loopback a server may move some of its work there.
    pub(crate) client_cost: Option<Spread>,
    pub(crate) rate_per_s: Option<Spread>,
    pub(crate) busy_share: Option<Spread>,
    pub(crate) latency_us: Option<LatencyReport>,
    /// In the comparison's other units.
    pub(crate) others: Vec<Spread>,
    pub(crate) no_figure: Option<String>,
    /// It used this share of a core while it should have rested.
    pub(crate) rest_share: Option<f64>,
}

/// What an entrant costs of a yardstick.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RatioReport {
    pub(crate) of: &'static str,
    /// The row that was the yardstick.
    pub(crate) row: String,
    pub(crate) ratio: Spread,
}

/// Times over all rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct LatencyReport {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) longest: f64,
}

impl CaseReport {
    pub(crate) fn of(
        (panel, point): (String, String),
        bars: &[Bar],
        yardsticks: &[Yardstick],
        rows: &[Row],
    ) -> Self {
        let reports: Vec<_> = rows.iter().map(|row| row_report(row, yardsticks, rows)).collect();
        let ours = rows.iter().find(|row| row.side == Side::Ours);
        let verdict = |bar: &Bar| {
            Some(Verdict::on(pairwise(&costs(ours?), &costs(yardstick(bar.against, rows)?))?, bar))
        };
        let verdicts = bars.iter().filter_map(verdict).collect();
        Self { panel, point, rows: reports, verdicts }
    }
}

fn row_report(row: &Row, yardsticks: &[Yardstick], rows: &[Row]) -> RowReport {
    let figures = |figure: fn(&crate::frame::sample::Sample) -> Option<f64>| {
        Spread::of(&row.samples.iter().filter_map(figure).collect::<Vec<_>>())
    };
    let ratio = |of: &Yardstick| {
        let against = yardstick(*of, rows)?;
        let ratio = pairwise(&costs(row), &costs(against))?;
        Some(RatioReport { of: of.name(), row: against.name.clone(), ratio })
    };
    let other = |index| {
        let figures = row.samples.iter().filter_map(|sample| sample.others.get(index).copied());
        Spread::of(&figures.collect::<Vec<_>>())
    };
    RowReport {
        name: row.name.clone(),
        is_ours: matches!(row.side, Side::Ours | Side::OursToo),
        cost: figures(|sample| Some(sample.cost)),
        costs: row.samples.iter().map(|sample| sample.cost).collect(),
        ratios: yardsticks.iter().filter_map(ratio).collect(),
        client_cost: figures(|sample| sample.client_cost),
        rate_per_s: figures(|sample| sample.rate_per_s),
        busy_share: figures(|sample| sample.busy_share),
        latency_us: latency(row),
        others: (0..).map_while(other).collect(),
        no_figure: row.fault.as_ref().map(ToString::to_string),
        rest_share: row.rest_share,
    }
}

/// The row that a yardstick is in this case: of several settings of a rival the one with the lowest median.
fn yardstick(of: Yardstick, rows: &[Row]) -> Option<&Row> {
    let is_it = |row: &&Row| match of {
        Yardstick::Floor => row.side == Side::Floor,
        Yardstick::Rival(name) => row.side == Side::Rival(name),
        Yardstick::Best { rivals, .. } => {
            matches!(row.side, Side::Rival(name) if rivals.contains(&name))
        }
    };
    let measured = rows.iter().filter(is_it).filter_map(|row| Some((row, median(row)?)));
    measured.min_by(|(_, left), (_, right)| left.total_cmp(right)).map(|(row, _)| row)
}

fn median(row: &Row) -> Option<f64> {
    let costs: Vec<_> = row.samples.iter().map(|sample| sample.cost).collect();
    Spread::of(&costs).map(|spread| spread.median)
}

fn costs(row: &Row) -> Vec<Option<f64>> {
    row.samples.iter().map(|sample| Some(sample.cost)).collect()
}

fn latency(row: &Row) -> Option<LatencyReport> {
    let mut all = Histogram::default();
    row.samples
        .iter()
        .filter_map(|sample| sample.latency_ns.as_ref())
        .for_each(|one| all.add_all(one));
    let us = |permille: u64| Some(all.quantile_ns(permille)? as f64 / 1000.0);
    Some(LatencyReport {
        p50: us(500)?,
        p90: us(900)?,
        p99: us(990)?,
        p999: us(999)?,
        longest: us(1000)?,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::frame::fault::Fault;
    use crate::frame::sample::Sample;

    /// A row with these costs.
    pub(crate) fn row(name: &str, side: Side, costs: &[f64]) -> Row {
        let sample = |cost: &f64| {
            let mut latency_ns = Histogram::default();
            latency_ns.add(2_000);
            Sample {
                cost: *cost,
                client_cost: Some(3.0),
                rate_per_s: Some(1e6 / cost),
                busy_share: Some(0.99),
                latency_ns: Some(latency_ns),
                others: vec![0.5],
            }
        };
        let fault = costs.is_empty().then(|| Fault::Absent("not installed: apt".to_owned()));
        let samples = costs.iter().map(sample).collect();
        Row { name: name.to_owned(), side, samples, fault, rest_share: None }
    }

    /// A case with a floor of 5, nginx at 10 and 8, ours at 6, and one that is not there.
    pub(crate) fn sample_case() -> CaseReport {
        let rows = [
            row("levada", Side::Ours, &[6.0, 6.0, 12.0]),
            row("bare ring", Side::Floor, &[5.0, 5.0, 10.0]),
            row("nginx, sendfile on", Side::Rival("nginx"), &[10.0, 10.0, 20.0]),
            row("nginx, sendfile off", Side::Rival("nginx"), &[8.0, 8.0, 16.0]),
            row("static-web-server", Side::Rival("static-web-server"), &[]),
        ];
        let bars = [Bar { against: Yardstick::Rival("nginx"), first: Some(0.8), goal: Some(0.7) }];
        let yardsticks = [Yardstick::Floor, Yardstick::Rival("nginx")];
        let name = ("1 KiB".to_owned(), "64 connections".to_owned());
        CaseReport::of(name, &bars, &yardsticks, &rows)
    }

    #[test]
    fn a_rival_is_its_best_setting_and_ours_is_judged_by_it() {
        let case = sample_case();
        assert_eq!(case.rows[0].ratios[1].row, "nginx, sendfile off");
        let verdict = &case.verdicts[0];
        assert!((verdict.ratio.median - 0.75).abs() < 1e-9 && verdict.ratio.highest < 0.7501);
        assert!(verdict.first.unwrap().is_met && !verdict.goal.unwrap().is_met);
    }

    #[test]
    fn the_best_of_several_rivals_is_the_one_that_costs_least() {
        let rows = [
            row("ours", Side::Ours, &[6.0]),
            row("one", Side::Rival("one"), &[9.0]),
            row("other", Side::Rival("other"), &[8.0]),
            row("third", Side::Rival("third"), &[1.0]),
        ];
        let best = Yardstick::Best { name: "the best", rivals: &["one", "other"] };
        let bars = [Bar { against: best, first: Some(1.0), goal: None }];
        let case = CaseReport::of((String::new(), String::new()), &bars, &[best], &rows);
        assert_eq!(case.rows[0].ratios[0].row, "other");
        assert!((case.verdicts[0].ratio.median - 0.75).abs() < 1e-9);
    }

    #[test]
    fn who_has_no_figure_says_why_and_has_no_ratio() {
        let case = sample_case();
        let absent = &case.rows[4];
        assert!(absent.cost.is_none() && absent.ratios.is_empty() && absent.latency_us.is_none());
        assert_eq!(absent.no_figure.as_deref(), Some("not installed: apt"));
    }
}
