"""Right answers in several styles, named ``<function>__<style>``: every check must accept all of them."""
