"""The page of `html_report`, as jinja2 has it; whatever goes in is escaped."""

TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2329; background: #fff; max-width: 1200px;
  margin: 2rem auto; padding: 0 1.5rem }
h1 { font-size: 1.7rem; margin: 0 }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; border-bottom: 2px solid #2a6f97;
  padding-bottom: .2rem }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem }
p { margin: .3rem 0 }
.dim { color: #67707a }
.bad { color: #b3392f; font-weight: 600 }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: 14px; margin: .4rem 0 }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #e6e8eb;
  vertical-align: top }
th { color: #67707a; font-weight: 500 }
.n { text-align: right }
.value { max-width: 28rem; overflow-wrap: anywhere }
code { font-size: 13px; overflow-wrap: anywhere }
img, video { max-width: 100%; display: block; margin: .6rem 0 }
ul { margin: .3rem 0; padding-left: 1.2rem }
@page { size: A4 landscape; margin: 12mm }
@media print {
  body { margin: 0; max-width: none; font-size: 11px; padding: 0 }
  table { font-size: 10px }
  h2, h3 { break-after: avoid }
  .run { break-before: page }
  tr, img, ul { break-inside: avoid }
  video { display: none }
}
</style></head><body>
<h1>{{ title }}</h1>
<div class="dim">mbrl_ros {{ version }}, {{ written }}</div>

<h2>Overview</h2>
<div class="wide"><table>
<tr><th>run
{%- for name in ("seed", "time", "steps", "episodes", "best return", "last return", "models",
  "hold-out error", "in time", "plan p50 / p99 / budget [ms]", "interventions", "warnings") %}
<th class="n">{{ name }}{% endfor %}</tr>
{% for run in runs %}{% set s = run.summary %}<tr>
<td><a href="#run{{ loop.index }}">{{ run.label }}</a>
<td class="n">{{ s.seed }}
<td class="n">{{ run.clock }}
<td class="n">{{ s.env_steps }}
<td class="n">{{ s.episodes }}
<td class="n">{{ s.best_return|number(1) }}
<td class="n">{{ (s.episode_returns or [none])[-1]|number(1) }}
<td class="n">{{ s.models_published }}
<td class="n">{{ s.holdout_error|number(3) }}
<td class="n">{{ run.in_time|number(2) }}{{ " %" if run.in_time is not none }}
<td class="n">{{ s.plan_ms_p50|number(1) }} / {{ s.plan_ms_p99|number(1) }} /
  {{ s.budget_ms|number(1) }}
<td class="n">{{ run.interventions|sum(attribute="count") }}
<td class="n">{{ run.complaints|sum(attribute="count") }}</tr>
{% endfor %}</table></div>
{% if comparison %}
<img alt="returns, model error and planning time of all runs" src="{{ comparison }}">
{% endif %}

<h2>Configuration: what differs</h2>
{% if differences %}<div class="wide"><table>
<tr><th>parameter{% for name in columns %}<th>{{ name }}{% endfor %}</tr>
{% for name, values in differences %}<tr><td><code>{{ name }}</code>
{%- for value in values %}<td class="value">{{ value }}{% endfor %}</tr>
{% endfor %}</table></div>
{% elif columns|length == 1 %}<p class="dim">There is nothing to compare it with.</p>
{% else %}<p class="dim">Nothing.</p>{% endif %}

{% for run in runs %}{% set s = run.summary %}
<section class="run" id="run{{ loop.index }}"><h2>{{ run.label }}</h2>
<div class="dim">{{ s.task }}, seed {{ s.seed }}, {{ run.begun }}
{%- if run.command %}; <code>{{ run.command }}</code>{% endif %}</div>
<img alt="returns, model error, trust, planning time, predictions against reality"
  src="{{ run.figure }}">
{% if s.get("eval_return_mean") is not none %}
<p>Model frozen: mean return {{ s.eval_return_mean|number(1) }} &plusmn;
{{ s.eval_return_margin|number(1) }} (95 % interval of the mean).</p>{% endif %}
{% if s.ticks %}<h3>Time</h3>
<p>{{ s.ticks }} ticks, <span class="{{ "bad" if s.ticks_late }}">{{ s.ticks_late }} late</span>;
longest silence between actions {{ (1000 * s.longest_silence_s)|number(0) }} ms;
{% for name, count in s.sources.items() if count -%}
{{ count }} {{ name|lower }}{{ ", " if not loop.last }}
{%- endfor %}.</p>{% endif %}
{% if s.one_step_z_p50 is not none %}<h3>Predictions against reality</h3>
<p>Errors over the expected ones (1: as the model itself says), median: one step
{{ s.one_step_z_p50|number(2) }}, several steps {{ s.open_loop_z_p50|number(2) }}. Trust:
{% for level, share in s.trust.items() -%}
{{ level }} {{ (100 * share)|number(1) }} %{{ ", " if not loop.last }}
{%- else %}unknown{% endfor %}. Correction of the last layer: {{ s.correction_p50|number(4) }}.</p>
{% endif %}{% if not run.learned %}<h3>Faults and interventions</h3>
{% if run.interventions or run.complaints %}<table>
<tr><th>who<th>what<th class="n">times<th class="n">first<th class="n">last</tr>
{% for event in run.interventions + run.complaints %}<tr><td>{{ event.who }}
<td class="value">{{ event.what }}
<td class="n">{{ event.count }}<td class="n">{{ event.first }}<td class="n">{{ event.last }}</tr>
{% endfor %}</table>
{% else %}<p class="dim">The guard let every command pass, and no node warned of anything.</p>
{% endif %}{% endif %}
{% if s.findings or s.notes %}<h3>Found in the data</h3>
<ul>{% for text in s.findings + s.notes %}<li>{{ text }}</li>{% endfor %}</ul>{% endif %}
{% if run.video %}<h3>Video</h3>
{% if run.video.kind == "link" %}<a href="{{ run.video.source }}">{{ run.video.source }}</a>
{% elif run.video.kind == "image/gif" %}<img alt="what the camera saw" src="{{ run.video.source }}">
{% else %}<video controls src="{{ run.video.source }}"></video>{% endif %}{% endif %}
<p class="dim">{% for name, version in s.versions.items() -%}
{{ name }} {{ version }}{{ ", " if not loop.last }}
{%- endfor %}</p>
</section>
{% endfor %}
</body></html>
"""
