/* Comfort only: every page works without it. */
(function () {
  'use strict';
  document.cookie = 'tz=' + -new Date().getTimezoneOffset() + ';path=/;max-age=31536000;samesite=lax';
  var summary = document.getElementById('error-summary');
  if (summary) summary.focus();

  /* A copy button on every command or line that is meant to be taken elsewhere. */
  var words = document.body.dataset;
  document.querySelectorAll('pre.copy').forEach(function (pre) {
    if (!navigator.clipboard) return;
    var b = document.createElement('button'), src = pre.textContent;
    b.type = 'button';
    b.className = 'small copy-button';
    b.textContent = words.copy;
    b.addEventListener('click', function () { navigator.clipboard.writeText(src).then(function () { b.textContent = words.copied; }); });
    pre.appendChild(b);
  });

  /* A form is sent once: a second click while the answer is under way does nothing. */
  document.addEventListener('submit', function (ev) {
    var f = ev.target;
    if (f.dataset.sent && Date.now() - f.dataset.sent < 10000) { ev.preventDefault(); return; }
    f.dataset.sent = Date.now();
  });
  window.addEventListener('pageshow', function () { document.querySelectorAll('form[data-sent]').forEach(function (f) { delete f.dataset.sent; }); });

  /* Live name of the deployment under the display name: <output data-slug-from="name">. */
  document.querySelectorAll('[data-slug-from]').forEach(function (out) {
    var field = document.querySelector('[name="' + out.getAttribute('data-slug-from') + '"]');
    function show() { out.textContent = field.value.toLowerCase().replace(/[^a-z0-9]+/g, ' ').trim().replace(/ +/g, '-') || '—'; }
    if (field) { field.addEventListener('input', show); show(); }
  });

  function address(el) { return el.getAttribute('href') || (el.form && el.form.getAttribute('action') + ' ' + el.textContent) || ''; }

  /* Fragments: <div data-poll="/ui/...">. ETag spares the work when nothing changed; data-final in the answer ends it. */
  document.querySelectorAll('[data-poll]').forEach(function (box) {
    var url = box.getAttribute('data-poll'), tag = '', began = Date.now(), fails = 0, timer = 0, lost = null;
    function pause() {
      var age = Date.now() - began;
      if (fails) return Math.min(60000, 1000 * Math.pow(2, fails));
      return (age < 20000 ? 1000 : age < 60000 ? 2000 : age < 600000 ? 5000 : 15000) * (0.9 + Math.random() * 0.2);
    }
    function notice(on) {
      if (on && !lost) {
        lost = document.createElement('p');
        lost.className = 'note warn lost';
        lost.setAttribute('role', 'status');
        lost.textContent = words.lost;
        document.body.appendChild(lost);
      } else if (!on && lost) { lost.remove(); lost = null; }
    }
    function next() { clearTimeout(timer); timer = setTimeout(look, pause()); }
    function look() {
      if (document.hidden) return;
      fetch(url, { headers: tag ? { 'If-None-Match': tag } : {}, credentials: 'same-origin' }).then(function (r) {
        if (r.status === 401) { location.reload(); return null; }
        if (!r.ok && r.status !== 304) throw new Error(r.status);
        fails = 0; notice(false);
        tag = r.headers.get('ETag') || '';
        return r.status === 304 ? null : r.text();
      }).then(function (html) {
        if (html !== null && html !== undefined) {
          var held = box.contains(document.activeElement) ? document.activeElement : null, where = held && address(held);
          box.innerHTML = html;
          if (where) { /* whoever is there by keyboard stays there */
            var again = [].filter.call(box.querySelectorAll('a,button,summary'), function (el) { return address(el) === where; })[0];
            if (again) again.focus({ preventScroll: true });
          }
          if (box.querySelector('[data-reload]')) { location.reload(); return; }
          if (box.querySelector('[data-final]')) return;
        }
        next();
      }).catch(function () { fails++; notice(fails > 1); next(); });
    }
    document.addEventListener('visibilitychange', function () { if (!document.hidden) look(); });
    next();
  });
})();
