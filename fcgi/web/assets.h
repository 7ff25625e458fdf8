/* Static files under hashed names (immutable for the browser), made by tools/embed. */
#ifndef WEB_ASSETS_H
#define WEB_ASSETS_H
const char *asset_url(const char *name);   /* "/static/app.1a2b3c4d.css", "" when unknown */
#endif
