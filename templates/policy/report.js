"use strict";
(function () {
  var root = document.documentElement;
  root.classList.add("scripted");

  /* A link into something that is folded opens it. */
  function unfold() {
    var target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (var node = target; node; node = node.parentElement) {
      if (node.tagName === "DETAILS") { node.open = true; }
    }
    if (target) { target.scrollIntoView(); }
  }
  addEventListener("hashchange", unfold);
  unfold();

  /* Paper has no folds; of rules that were kept, it shows what the reader has opened. */
  var opened = [];
  addEventListener("beforeprint", function () {
    opened = Array.from(document.querySelectorAll("details:not([open], .kept)"));
    opened.forEach(function (node) { node.open = true; });
  });
  addEventListener("afterprint", function () {
    opened.forEach(function (node) { node.open = false; });
  });

  var input = document.querySelector("#search input");
  var said = document.querySelector("#search output");
  input.addEventListener("input", function () {
    var word = input.value.trim().toLowerCase();
    var shown = 0;
    document.querySelectorAll("[data-find]").forEach(function (node) {
      node.hidden = word !== "" && !node.textContent.toLowerCase().includes(word);
      shown += node.hidden ? 0 : 1;
    });
    said.textContent = word ? shown + " entries match" : "";
  });
})();
