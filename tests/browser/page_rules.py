"""What is true of every page: read by a person in the chosen language, readable colours, no horizontal scrolling, labelled fields."""
import re

# Text that a person reads: no code, no YAML; the language menu names languages in their own words. Tool tips, labels of pictures and the title count too.
VISIBLE = """(function(){var out=[document.title],w=document.createTreeWalker(document.body,NodeFilter.SHOW_TEXT),n;
while(n=w.nextNode()){var p=n.parentElement;if(!p||p.closest('code,pre,textarea,script,style,noscript,.lang'))continue;var t=n.textContent.replace(/\\s+/g,' ').trim();if(t)out.push(t)}
document.querySelectorAll('noscript').forEach(function(n){var d=new DOMParser().parseFromString(n.innerHTML||n.textContent,'text/html');var t=d.body?d.body.textContent.trim():'';if(t)out.push(t)});
document.querySelectorAll('[title],[aria-label],[placeholder],[alt]').forEach(function(e){if(e.closest('.lang'))return;['title','aria-label','alt'].forEach(function(a){if(e.getAttribute(a))out.push(e.getAttribute(a))})});
return out})()"""
ENGLISH = re.compile(r"[A-Za-z][A-Za-z'-]*(?:[,.;:]? +[A-Za-z][A-Za-z'-]*){2,}")  # words of a sentence; the dots of a host name make none

# Text whose contrast is below WCAG AA: 4.5, or 3 where it is large. Half transparent fills are laid over what is below them.
CONTRAST = """(function(){
function rgba(s){var m=s.match(/[\\d.]+/g).map(Number);return{r:m[0],g:m[1],b:m[2],a:m.length>3?m[3]:1}}
function over(t,u){return{r:t.r*t.a+u.r*(1-t.a),g:t.g*t.a+u.g*(1-t.a),b:t.b*t.a+u.b*(1-t.a),a:1}}
function lum(c){return['r','g','b'].map(function(k){var v=c[k]/255;return v<=.03928?v/12.92:Math.pow((v+.055)/1.055,2.4)}).reduce(function(s,v,i){return s+v*[.2126,.7152,.0722][i]},0)}
function fill(e){var stack=[];for(;e;e=e.parentElement){var c=rgba(getComputedStyle(e).backgroundColor);if(c.a){stack.push(c);if(c.a>=1)break}}
var base={r:255,g:255,b:255,a:1};while(stack.length)base=over(stack.pop(),base);return base}
var bad=[],w=document.createTreeWalker(document.body,NodeFilter.SHOW_TEXT),n;
while(n=w.nextNode()){if(!n.textContent.trim())continue;var e=n.parentElement;if(e.closest('svg,script,style,noscript,option,.hide')||!e.getClientRects().length)continue;
var s=getComputedStyle(e),f=fill(e),t=over(rgba(s.color),f),a=lum(t),b=lum(f),c=(Math.max(a,b)+.05)/(Math.min(a,b)+.05),px=parseFloat(s.fontSize),large=px>=24||px>=18.66&&s.fontWeight>=700;
if(c<(large?3:4.5))bad.push(c.toFixed(2)+': '+n.textContent.trim().slice(0,60))}
return bad})()"""

# Fields without a label, several h1, images without a text: what a screen reader would stumble over.
STRUCTURE = """(function(){var bad=[];if(document.querySelectorAll('h1').length!=1)bad.push(document.querySelectorAll('h1').length+' h1');
document.querySelectorAll('input:not([type=hidden]),select,textarea').forEach(function(e){if(!(e.labels&&e.labels.length)&&!e.getAttribute('aria-label')&&!e.hidden)bad.push('no label: '+e.name)});
document.querySelectorAll('img:not([alt])').forEach(function(e){bad.push('no alt: '+e.src)});
var ids={};document.querySelectorAll('[id]').forEach(function(e){if(ids[e.id])bad.push('id twice: '+e.id);ids[e.id]=1});
document.querySelectorAll('button,a.button').forEach(function(e){if(!e.textContent.trim())bad.push('a button without words')});return bad})()"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
