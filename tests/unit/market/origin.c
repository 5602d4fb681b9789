/* SPDX-License-Identifier: Apache-2.0
 * origin.c - which senders of a write with a cookie are believed to be our own pages
 */
#include "origin.h"
#include "tap.h"

int main(void)
{
	static const struct {
		const char *what;
		struct origin origin;
		bool ours;
	} rows[] = {
		{ "our page", { "web", "same-origin", "https://market.example", "market.example" }, true },
		{ "our page behind a proxy that changes Host",
		  { "web", "same-origin", "https://market.example", "127.0.0.1:8080" },
		  true },
		{ "an old browser", { "web", NULL, "https://market.example:8443", "Market.Example:8443" }, true },
		{ "no header of ours", { NULL, "same-origin", "https://market.example", "market.example" }, false },
		{ "an empty one", { "", "same-origin", "https://market.example", "market.example" }, false },
		{ "another site", { "web", "cross-site", "https://evil.example", "market.example" }, false },
		{ "another site that lies about its origin",
		  { "web", "cross-site", "https://market.example", "market.example" },
		  false },
		{ "a neighbour in our domain", { "web", "same-site", "https://forum.market.example", "market.example" }, false },
		{ "the address bar", { "web", "none", NULL, "market.example" }, false },
		{ "a word that is none",
		  { "web", "same-origin, cross-site", "https://market.example", "market.example" },
		  false },
		{ "an old browser on another site", { "web", NULL, "https://evil.example", "market.example" }, false },
		{ "our name on another port", { "web", NULL, "https://market.example:444", "market.example" }, false },
		{ "our name without TLS", { "web", NULL, "http://market.example", "market.example" }, false },
		{ "our name as a beginning", { "web", NULL, "https://market.example.evil", "market.example" }, false },
		{ "a sandboxed page", { "web", NULL, "null", "market.example" }, false },
		{ "nothing said", { "web", NULL, NULL, "market.example" }, false },
		{ "no host", { "web", NULL, "https://market.example", NULL }, false },
		{ "an empty host", { "web", NULL, "https://", "" }, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		is_int(origin_is_ours(&rows[i].origin), rows[i].ours, "%s", rows[i].what);
	return done_testing();
}
