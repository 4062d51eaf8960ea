/* page.c -- what is known, as JSON and as a page that asks for it twice a second.
 *
 * The answer comes from the loop that is looked at. So while the program holds it there is none, and
 * the page says so: "blocked now, for 1.2 s" is what it has waited for. */
#include "inspect.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const kinds[] = {
#define KIND_NAME(kind) #kind,
	INSPECT_KINDS(KIND_NAME)
#undef KIND_NAME
};

static const char page[] =
	"<!doctype html><meta charset=utf-8><title>ouro-inspect</title>"
	"<style>body{font:14px/1.5 monospace;margin:2em;max-width:70em}td,th{padding:0 1em 0 0;"
	"text-align:right}td:first-child,th:first-child{text-align:left}.bad{color:#b00;"
	"font-weight:bold}i{display:inline-block;background:#69c;height:.8em}</style>"
	"<h1 id=title>ouro-inspect</h1><p id=now>...</p><h2>lag</h2><table id=lag></table>"
	"<h2>callbacks, slowest first</h2><table id=callbacks></table>"
	"<h2>held 50 ms or more</h2><table id=blocks></table>"
	"<h2>watchers</h2><table id=watchers></table><script>"
	"const $=id=>document.getElementById(id),ms=ns=>(ns/1e6).toFixed(3)+' ms',"
	"esc=t=>String(t).replace(/[&<>]/g,c=>'&#'+c.charCodeAt()+';'),"
	"rows=(id,head,list)=>$(id).innerHTML=[head,...list].map((r,i)=>'<tr>'+r.map(c=>"
	"(i?'<td>':'<th>')+c).join('')).join('');let asked=0,last;"
	"const tell=(text,bad)=>{$('now').textContent=text;$('now').className=bad?'bad':''};"
	"function show(d){$('title').textContent=d.program+' '+d.pid;"
	"const t=last?(d.turns-last.turns)/(d.seconds-last.seconds):d.turns_per_second;last=d;"
	"tell(`${t.toFixed(0)} turns a second, busy ${(d.busy*100).toFixed(1)} %`);"
	"const most=Math.max(1,...d.lag.buckets.map(b=>b[1]));"
	"rows('lag',['up to','passes',''],d.lag.buckets.map(b=>[ms(b[0]),b[1],"
	"`<i style='width:${b[1]/most*20}em'></i>`]));"
	"rows('callbacks',['function','calls','mean','max','total'],d.callbacks.map(c=>"
	"[esc(c.name),c.calls,ms(c.total_ns/c.calls),ms(c.max_ns),ms(c.total_ns)]));"
	"rows('blocks',['function','for','ago'],d.blocks.map(b=>[esc(b.name),ms(b.ns),"
	"(b.ago_ns/1e9).toFixed(0)+' s']));"
	"rows('watchers',['kind','active'],Object.entries(d.watchers))}"
	"setInterval(()=>{if(asked){if(Date.now()-asked>200)tell(`blocked now, for "
	"${((Date.now()-asked)/1e3).toFixed(1)} s`,true);return}asked=Date.now();"
	"fetch('json').then(r=>r.json()).then(d=>{asked=0;show(d)},()=>{asked=0;tell('gone',true)})"
	"},500)</script>";

void inspect_page(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply_static(req, 200, "text/html; charset=utf-8", ouro_str_z(page));
}

static void put_name(ouro_buf *out, const char *name)
{
	for (; *name; name++)
		if (*name == '"' || *name == '\\' || (unsigned char)*name < ' ')
			ouro_buf_printf(out, "\\u%04x", (unsigned char)*name);
		else
			ouro_buf_append(out, name, 1);
}

static void put_lag(ouro_buf *out, const ouro_hist *hist)
{
	const char *comma = "";

	ouro_buf_printf(out,
			"\"lag\":{\"count\":%llu,\"mean_ns\":%llu,\"p50_ns\":%llu,"
			"\"p99_ns\":%llu,\"max_ns\":%llu,\"buckets\":[",
			(unsigned long long)hist->count, (unsigned long long)ouro_hist_mean(hist),
			(unsigned long long)ouro_hist_quantile(hist, 0.5),
			(unsigned long long)ouro_hist_quantile(hist, 0.99),
			(unsigned long long)hist->max);
	for (unsigned i = 0; i < OURO_HIST_BUCKETS - 1; i++)
		if (hist->bucket[i]) {
			ouro_buf_printf(out, "%s[%llu,%llu]", comma, (1ull << i) - 1,
					(unsigned long long)hist->bucket[i]);
			comma = ",";
		}
	ouro_buf_printf(out, "]},");
}

static void put_watchers(ouro_buf *out)
{
	ouro_buf_printf(out, "\"watchers\":{");
	for (unsigned i = 0; i < INSPECT_KIND_COUNT; i++)
		ouro_buf_printf(out, "%s\"%s\":%u", i ? "," : "", kinds[i],
				inspect_facts.watchers[i]);
	ouro_buf_printf(out, "},");
}

static int by_max(const void *a, const void *b)
{
	const struct inspect_callback *x = a, *y = b;

	return x->max_ns < y->max_ns ? 1 : x->max_ns > y->max_ns ? -1 : 0;
}

/* The twenty slowest that were called at all. */
static void put_callbacks(ouro_buf *out)
{
	static struct inspect_callback sorted[INSPECT_CALLBACKS];
	unsigned count = inspect_facts.callback_count;

	memcpy(sorted, inspect_facts.callbacks, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_max);
	ouro_buf_printf(out, "\"callbacks\":[");
	for (unsigned i = 0; i < count && i < 20 && sorted[i].calls; i++) {
		ouro_buf_printf(out, "%s{\"name\":\"", i ? "," : "");
		put_name(out, sorted[i].name);
		ouro_buf_printf(out, "\",\"calls\":%llu,\"total_ns\":%llu,\"max_ns\":%llu}",
				(unsigned long long)sorted[i].calls,
				(unsigned long long)sorted[i].total_ns,
				(unsigned long long)sorted[i].max_ns);
	}
	ouro_buf_printf(out, "],");
}

static void put_blocks(ouro_buf *out, uint64_t now)
{
	unsigned count = inspect_facts.block_count;

	ouro_buf_printf(out, "\"blocked\":%u,\"blocks\":[", count);
	for (unsigned i = 0; i < count && i < INSPECT_BLOCKS; i++) {
		const struct inspect_block *block =
			&inspect_facts.blocks[(count - 1 - i) % INSPECT_BLOCKS];

		ouro_buf_printf(out, "%s{\"name\":\"", i ? "," : "");
		put_name(out, block->callback->name);
		ouro_buf_printf(out, "\",\"ns\":%llu,\"ago_ns\":%llu}",
				(unsigned long long)block->ns,
				(unsigned long long)(now - block->at));
	}
	ouro_buf_printf(out, "]}\n");
}

void inspect_json(ouro_req *req, unsigned turns)
{
	uint64_t now = inspect_now(), ns = now - inspect_facts.since;
	double seconds = (double)ns / 1e9;
	ouro_buf *out = ouro_buf_new();

	if (!out) {
		ouro_req_fail(req, -ENOMEM);
		return;
	}
	ouro_buf_printf(out, "{\"program\":\"");
	put_name(out, program_invocation_short_name);
	ouro_buf_printf(out,
			"\",\"pid\":%d,\"seconds\":%.3f,\"turns\":%u,"
			"\"turns_per_second\":%.1f,\"busy\":%.4f,",
			(int)getpid(), seconds, turns, turns / seconds,
			(double)inspect_facts.busy_ns / 1e9 / seconds);
	put_lag(out, &inspect_facts.lag_ns);
	put_watchers(out);
	put_callbacks(out);
	put_blocks(out, now);
	ouro_req_reply(req, 200, "application/json", ouro_buf_str(out));
	ouro_buf_free(out);
}
